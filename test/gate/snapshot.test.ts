import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullXid, isVisible, parseSnapshot } from '../../src/gate/snapshot.ts';

const EPOCH = 2 ** 32;

describe('a snapshot of the primary', () => {
  it('is read from the text that Postgres prints', () => {
    expect(parseSnapshot('795:800:796,798')).toEqual({ xmin: 795, xmax: 800, inProgress: new Set([796, 798]) });
    expect(parseSnapshot('795:795:')).toEqual({ xmin: 795, xmax: 795, inProgress: new Set() });
  });

  it('sees what is below xmin, and what is below xmax and not in progress', () => {
    const snapshot = parseSnapshot('795:800:796,798');
    const seen = [794, 795, 796, 797, 798, 799, 800, 801].filter((xid) => isVisible(xid, snapshot));
    expect(seen).toEqual([794, 795, 797, 799]);
  });

  it('sees nothing that is not there yet, right after the 32-bit counter went round', () => {
    const snapshot = parseSnapshot(`${EPOCH - 5}:${EPOCH + 3}:${EPOCH - 2},${EPOCH + 1}`);
    expect(isVisible(EPOCH - 6, snapshot)).toBe(true);
    expect(isVisible(EPOCH - 2, snapshot)).toBe(false);
    expect(isVisible(0, snapshot)).toBe(true);
    expect(isVisible(1, snapshot)).toBe(false);
    expect(isVisible(3, snapshot)).toBe(false);
  });
});

describe("the stream's 32-bit transaction id", () => {
  it('stands for the 64-bit id it was cut from, at any epoch, when less than half the range away', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 20 - 1),
        fc.nat(2 ** 32 - 1),
        fc.integer({ min: -(2 ** 30), max: 2 ** 30 }),
        (epoch, low, away) => {
          const near = epoch * EPOCH + low;
          const full = near + away;
          fc.pre(full >= 3);
          expect(fullXid(full % EPOCH, near)).toBe(full);
        },
      ),
    );
  });
});
