import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isClearing, isInternal, leaseOf, leaseSharesSlot, neighbour, slotOf, toKey } from '../../src/redis/keys.ts';

describe('the lease of a key', () => {
  it.each([
    ['project:7', '{project:7}~lease'],
    ['project:{7}:detail', 'project:{7}:detail~lease'],
    ['{user:1}:list', '{user:1}:list~lease'],
    ['a{}b', '{a{}b}~lease'],
    ['a{b', '{a{b}~lease'],
    ['a}b', '{a}b}~lease'],
    ['a}{b}', 'a}{b}~lease'],
    ['', '{}~lease'],
    ['köln 🧀', '{köln 🧀}~lease'],
  ])('of %j is %j', (key, lease) => {
    expect(leaseOf(key)).toBe(lease);
    expect(leaseOf(Buffer.from(key)).toString()).toBe(lease);
  });

  it('lies in the slot of its entry, unless the key has a } and no hash tag', () => {
    const braces = fc.string({ unit: fc.constantFrom('{', '}', 'a', 'b', ':', 'ü'), maxLength: 12 });
    fc.assert(
      fc.property(braces, (key) => {
        if (leaseSharesSlot(key)) expect(slotOf(leaseOf(key))).toBe(slotOf(key));
        else expect(key === '' || key.includes('}')).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the slot of a key', () => {
  it('is the CRC16 of its hash tag, or of all of it', () => {
    // The check value of the cluster specification, appendix A: 0x31C3.
    expect(slotOf('123456789')).toBe(0x31c3);
    expect(slotOf('a{123456789}b{c}')).toBe(0x31c3);
    expect(slotOf('{}123456789')).not.toBe(0x31c3);
    expect(slotOf(Buffer.from('123456789'))).toBe(0x31c3);
  });

  it('is the same for the name of a set that is being cleared, whatever the braces', () => {
    const braces = fc.string({ unit: fc.constantFrom('{', '}', 'a', 'b'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(braces, (key) => {
        const name = neighbour(key, '~clearing:0123456789abcdef');
        expect(slotOf(name)).toBe(slotOf(key));
        expect(name).not.toBe(key);
        expect(isClearing(name)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe('what is internal', () => {
  it.each(['unstale:epoch:r', '{unstale:prod}:keys:wait'])('is %j', (key) => {
    expect(isInternal(key)).toBe(true);
    expect(isInternal(Buffer.from(key))).toBe(true);
  });

  it.each(['idx:1~clearing', '{idx:1}~clearing:0123456789abcdef', 'a}b~clearing.17'])('is being cleared: %j', (key) => {
    expect(isClearing(key)).toBe(true);
    expect(isClearing(Buffer.from(key))).toBe(true);
    expect(isClearing(`${key}:x`)).toBe(false);
  });

  it.each(['unstaled:1', 'x:unstale:1', '{unstaled}', 'my~clearing:of:debts', 'unstale', ''])('is not %j', (key) => {
    expect(isInternal(key)).toBe(false);
    expect(isInternal(Buffer.from(key))).toBe(false);
  });
});

describe('a key that was found', () => {
  it('is text if its bytes are, and else its bytes', () => {
    expect(toKey(Buffer.from('käse \ufeff\ufffd'))).toBe('käse \ufeff\ufffd');
    expect(toKey(Buffer.from([0x61, 0xff]))).toEqual(Buffer.from([0x61, 0xff]));
  });
});
