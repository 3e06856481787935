import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonPattern, compileGlob } from '../../src/redis/glob.ts';

describe('a pattern for several', () => {
  it.each([
    [['booking:stats:*', 'booking:availability:2026-01-01:*'], 'booking:*'],
    [['a\\*b:*', 'a\\*c'], 'a\\**'],
    [['x:*', 'y:*'], '*'],
    [['x[ab]', 'x?'], 'x*'],
    [['same:*', 'same:*'], 'same:*'],
    [['*', 'a'], '*'],
  ])('for %j is %j', (patterns, common) => {
    expect(commonPattern(patterns)).toBe(common);
  });

  it('finds all that any of them finds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '\\', '[', ']', '^', '-'), maxLength: 8 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 3 }), text, (patterns, key) => {
        const found = patterns.some((pattern) => compileGlob(pattern)(key));
        if (found) expect(compileGlob(commonPattern(patterns))(key)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it('takes any byte where a range goes beyond ASCII, since servers differ in what that means', () => {
    const matches = compileGlob(Buffer.from('x[ü-a]').toString('latin1'));
    expect(matches('x?')).toBe(true);
    expect(matches('y?')).toBe(false);
  });

  it('takes no time that grows with the number of stars to a power', () => {
    const matches = compileGlob(`${'*a'.repeat(25)}b`);
    const began = performance.now();
    expect(matches('a'.repeat(10_000))).toBe(false);
    expect(performance.now() - began).toBeLessThan(100);
  });
});
