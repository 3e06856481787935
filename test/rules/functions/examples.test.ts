import { describe, expect, it } from 'vitest';
import { FUNCTIONS } from '../../../src/rules/functions/index.ts';

describe('the examples of every template function, as help prints them', () => {
  for (const one of FUNCTIONS.values()) {
    const { name, examples, about } = one;
    it.each(examples)(`${name}(%j)`, ({ call, gives }) => {
      expect(one.apply(...call)).toEqual(gives);
    });
    it(`${name} says what it does and shows it`, () => {
      expect(about).toMatch(/\.$/);
      expect(examples.length).toBeGreaterThan(0);
    });
  }

  it('are all functions of the contract, sorted', () => {
    const names = ['date', 'dates', 'each', 'json', 'lower', 'md5', 'sha1', 'sha256', 'upper', 'urlencode'];
    expect([...FUNCTIONS.keys()]).toEqual(names);
    expect([...FUNCTIONS].every(([name, one]) => name === one.name)).toBe(true);
  });
});
