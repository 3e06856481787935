import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Horizon } from '../../src/wal/horizon.ts';

describe('the confirmed position', () => {
  it('is the low watermark as it was a horizon ago', () => {
    const horizon = new Horizon(5000, 1n);
    expect(horizon.advance(0, 10n)).toBe(1n);
    expect(horizon.advance(1000, 20n)).toBe(1n);
    expect(horizon.advance(4999, 30n)).toBe(1n);
    expect(horizon.advance(5000, 30n)).toBe(10n);
    expect(horizon.advance(6100, 40n)).toBe(20n);
  });

  it('catches up with the watermark on an idle stream', () => {
    const horizon = new Horizon(5000, 1n);
    for (let ms = 0; ms <= 11_000; ms += 1000) horizon.advance(ms, 77n);
    expect(horizon.confirmed).toBe(77n);
  });

  it('is the watermark itself without a horizon, and after a clean end', () => {
    expect(new Horizon(0, 1n).advance(3, 10n)).toBe(10n);
    const horizon = new Horizon(5000, 1n);
    horizon.advance(0, 10n);
    expect(horizon.close(20n)).toBe(20n);
    expect(horizon.advance(1, 20n)).toBe(20n);
  });

  it('never goes back, never passes a watermark younger than the horizon, and catches up in the end', () => {
    const steps = fc.array(fc.tuple(fc.nat(400), fc.nat(50)), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 3000 }), (script, horizonMs) => {
        const horizon = new Horizon(horizonMs, 0n);
        const seen: { ms: number; lsn: bigint }[] = [];
        let [ms, lsn, last] = [0, 0n, 0n];
        for (const [pause, step] of script) {
          ms += pause;
          lsn += BigInt(step);
          seen.push({ ms, lsn });
          const confirmed = horizon.advance(ms, lsn);
          const old = seen.filter((one) => ms - one.ms >= horizonMs).at(-1)?.lsn ?? 0n;
          expect(confirmed).toBeGreaterThanOrEqual(last);
          expect(confirmed).toBeLessThanOrEqual(old);
          last = confirmed;
        }
        horizon.advance(ms + horizonMs, lsn);
        expect(horizon.advance(ms + 2 * horizonMs + 1, lsn)).toBe(lsn);
      }),
    );
  });
});
