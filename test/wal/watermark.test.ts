import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Entry, Watermark } from '../../src/wal/watermark.ts';

describe('the low watermark', () => {
  it('moves to the end of a transaction once all its slices are finished', () => {
    const mark = new Watermark(10n);
    const entry = mark.open();
    entry.slice();
    entry.finish();
    expect(mark.lsn, 'its commit has not come in yet').toBe(10n);
    entry.slice();
    entry.close(20n);
    expect(mark.lsn).toBe(10n);
    entry.finish();
    expect(mark.lsn).toBe(20n);
    expect(mark.idle).toBe(true);
  });

  it('stays before the first unfinished transaction, whatever is finished behind it', () => {
    const mark = new Watermark(10n);
    const [first, second, third] = [20n, 30n, 40n].map((end) => sliced(mark, end));
    third?.finish();
    second?.finish();
    expect(mark.lsn).toBe(10n);
    first?.finish();
    expect(mark.lsn).toBe(40n);
  });

  it('passes empty transactions', () => {
    const mark = new Watermark(10n);
    const first = sliced(mark, 20n);
    mark.open().close(30n);
    expect(mark.lsn).toBe(10n);
    first.finish();
    expect(mark.lsn).toBe(30n);
  });

  it('follows keepalives at once when nothing is in flight', () => {
    const mark = new Watermark(10n);
    mark.note(50n);
    expect(mark.lsn).toBe(50n);
    mark.note(40n);
    expect(mark.lsn, 'never back').toBe(50n);
  });

  it('takes a keepalive over when the last transaction before it is finished', () => {
    const mark = new Watermark(10n);
    const first = sliced(mark, 20n);
    mark.note(25n);
    const second = sliced(mark, 30n);
    mark.note(99n);
    first.finish();
    expect(mark.lsn).toBe(25n);
    second.finish();
    expect(mark.lsn).toBe(99n);
  });

  it('does not pass a transaction of which only the beginning has come in', () => {
    const mark = new Watermark(10n);
    const begun = mark.open();
    mark.note(99n);
    expect(mark.lsn).toBe(10n);
    begun.close(20n);
    expect(mark.lsn).toBe(99n);
  });

  it('is at every moment the end of the last transaction before the first unfinished one', () => {
    const steps = fc.array(
      fc.oneof(
        {
          weight: 3,
          arbitrary: fc.record({ kind: fc.constant('open' as const), slices: fc.integer({ min: 0, max: 3 }) }),
        },
        { weight: 6, arbitrary: fc.record({ kind: fc.constant('finish' as const), pick: fc.nat() }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('note' as const), ahead: fc.nat(5) }) },
      ),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (script) => {
        const mark = new Watermark(0n);
        const model: { end: bigint; noted: bigint; left: number }[] = [];
        const unfinished: { entry: Entry; at: number }[] = [];
        let now = 0n;
        let expected = 0n;
        for (const step of script) {
          if (step.kind === 'open') {
            now += 10n;
            const entry = mark.open();
            for (let i = 0; i < step.slices; i++) {
              entry.slice();
              unfinished.push({ entry, at: model.length });
            }
            entry.close(now);
            model.push({ end: now, noted: now, left: step.slices });
          } else if (step.kind === 'finish') {
            const [one] = unfinished.splice(step.pick % Math.max(1, unfinished.length), 1);
            one?.entry.finish();
            const of = one && model[one.at];
            if (of) of.left--;
          } else {
            now += BigInt(step.ahead);
            mark.note(now);
            const last = model.at(-1);
            if (last && model.some((one) => one.left > 0)) last.noted = now;
            else expected = now;
          }
          const first = model.findIndex((one) => one.left > 0);
          const done = model.slice(0, first < 0 ? model.length : first);
          for (const one of done) if (one.noted > expected) expected = one.noted;
          expect(mark.lsn).toBe(expected);
          expect(mark.received).toBe(now);
        }
      }),
    );
  });
});

function sliced(mark: Watermark, endLsn: bigint): Entry {
  const entry = mark.open();
  entry.slice();
  entry.close(endLsn);
  return entry;
}
