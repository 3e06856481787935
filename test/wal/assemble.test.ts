import { describe, expect, it } from 'vitest';
import type { Change, Relation } from '../../src/core/change.ts';
import { Assembler } from '../../src/wal/assemble.ts';
import type { Slice } from '../../src/wal/slice.ts';
import { Watermark } from '../../src/wal/watermark.ts';

const relation: Relation = { oid: 1, schema: 'public', name: 't', table: 'public.t', identity: 'default', columns: [] };
const change: Change = { op: 'truncate', relation };
const mark = (content: string, prefix = 'unstale') => ({ transactional: true, lsn: 1n, prefix, content });

function assembler(sliceChanges = 2, sliceBytes = 1_000_000) {
  const watermark = new Watermark(1n);
  const slices: Slice[] = [];
  const echoes: string[] = [];
  const one = new Assembler({
    watermark,
    sliceChanges,
    sliceBytes,
    onSlice: (slice) => slices.push(slice),
    onMessage: (message) => echoes.push(message.content),
  });
  return { one, watermark, slices, echoes };
}

function transaction(one: Assembler, changes: number, bytes = 10): void {
  one.begin(7, 10n, 1);
  for (let i = 0; i < changes; i++) one.change(change, bytes);
  one.commit(10n, 20n);
}

describe('putting transactions together', () => {
  it.each([
    [1, [[1, true]]],
    [
      2,
      [
        [2, false],
        [0, true],
      ],
    ],
    [
      5,
      [
        [2, false],
        [2, false],
        [1, true],
      ],
    ],
  ])('cuts %i changes by number, and only the last slice says so', (count, expected) => {
    const { one, slices } = assembler();
    transaction(one, count);
    expect(slices.map((slice) => [slice.changes.length, slice.last])).toEqual(expected);
    expect(new Set(slices.map((slice) => `${slice.xid} ${slice.commitLsn}`)).size).toBe(1);
  });

  it('cuts by size on the wire', () => {
    const { one, slices } = assembler(1000, 250);
    transaction(one, 5, 100);
    expect(slices.map((slice) => slice.changes.length)).toEqual([2, 2, 1]);
    expect(slices.map((slice) => slice.bytes)).toEqual([260, 260, 130]);
  });

  it('gives out a slice before the commit has come', () => {
    const { one, slices, watermark } = assembler();
    one.begin(7, 10n, 1);
    one.change(change, 10);
    one.change(change, 10);
    expect(slices.length).toBe(1);
    slices[0]?.finish();
    expect(watermark.lsn).toBe(1n);
  });

  it('gives out nothing for an empty transaction, but passes it', () => {
    const { one, slices, watermark } = assembler();
    transaction(one, 0);
    expect(slices).toEqual([]);
    expect(watermark.lsn).toBe(20n);
  });

  it('keeps our marks for the last slice, and no message of others', () => {
    const { one, slices } = assembler();
    one.begin(7, 10n, 1);
    one.message(mark('a'));
    one.message(mark('b', 'theirs'));
    one.change(change, 10);
    one.change(change, 10);
    one.message(mark('c'));
    one.commit(10n, 20n);
    one.begin(8, 30n, 1);
    one.message(mark('lone'));
    one.commit(30n, 40n);
    transaction(one, 1);
    expect(slices.map((slice) => slice.marks)).toEqual([[], ['a', 'c'], ['lone'], []]);
  });

  it('tells heartbeats from marks', () => {
    const { one, slices, echoes } = assembler();
    one.message({ transactional: false, lsn: 1n, prefix: 'unstale', content: 'beat' });
    one.message({ transactional: false, lsn: 1n, prefix: 'theirs', content: 'other' });
    expect(echoes).toEqual(['beat']);
    expect(slices).toEqual([]);
  });

  it('stops when messages come in an order that cannot be', () => {
    const wrong = { code: 'STREAM_DECODE' };
    expect(() => assembler().one.change(change, 1)).toThrow(expect.objectContaining(wrong));
    expect(() => assembler().one.commit(1n, 2n)).toThrow(expect.objectContaining(wrong));
    expect(() => assembler().one.message(mark('a'))).toThrow(expect.objectContaining(wrong));
    const { one } = assembler();
    one.begin(1, 10n, 1);
    expect(() => one.begin(2, 20n, 1)).toThrow(expect.objectContaining(wrong));
    expect(() => one.commit(11n, 20n)).toThrow(expect.objectContaining(wrong));
  });

  it('counts the bytes of a slice until it is released, once', () => {
    const { one, slices } = assembler();
    transaction(one, 1);
    const [slice] = slices;
    expect(slice?.bytes).toBe(40);
    expect(slice?.count('held')).toBe('in flight');
    expect(slice?.count(undefined)).toBe('held');
    expect(slice?.count(undefined)).toBeUndefined();
    slice?.empty();
    expect(slice?.changes).toEqual([]);
  });

  it('counts a slice as finished once, however often that is said', () => {
    const { one, slices, watermark } = assembler();
    transaction(one, 3);
    slices[0]?.finish();
    slices[0]?.finish();
    expect(watermark.lsn).toBe(1n);
    slices[1]?.finish();
    expect(watermark.lsn).toBe(20n);
  });
});
