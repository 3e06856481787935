import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/core/change.ts';
import { UnstaleError } from '../../src/core/errors/index.ts';
import { Assembler } from '../../src/wal/assemble.ts';
import { Decoder, type LogicalMessage, type Sink } from '../../src/wal/pgoutput.ts';
import type { Slice } from '../../src/wal/slice.ts';
import { Watermark } from '../../src/wal/watermark.ts';
import * as encode from './encode.ts';
import { describeChange } from './stage.ts';

const KNOWN = {
  plainTables: { has: () => true } as unknown as ReadonlySet<string>,
  mixedTables: new Set<string>(),
  baseTypes: new Map([[70_000, 16]]),
};

const ITEM = { oid: 4_000_000_000, name: 'item', columns: ['*id', 'name', 'big'] };

function decoder() {
  const changes: Change[] = [];
  const messages: LogicalMessage[] = [];
  const begun: [number, bigint, number][] = [];
  const ended: [bigint, bigint][] = [];
  const sink: Sink = {
    begin: (...of) => begun.push(of),
    change: (change) => changes.push(change),
    commit: (...of) => ended.push(of),
    message: (one) => messages.push(one),
  };
  return { decoder: new Decoder(sink, KNOWN), changes, messages, begun, ended };
}

function thrown(run: () => void): UnstaleError {
  try {
    run();
  } catch (error) {
    if (error instanceof UnstaleError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the decoder', () => {
  it('keeps transaction ids and oids above 2^31 positive', () => {
    const { decoder: one, begun, changes } = decoder();
    one.decode(encode.begin(4_294_967_295, 2n ** 40n));
    one.decode(encode.relation(ITEM));
    one.decode(encode.insert(ITEM.oid, ['1', 'a', 'b']));
    expect(begun[0]?.slice(0, 2)).toEqual([4_294_967_295, 2n ** 40n]);
    expect(changes[0]?.relation.oid).toBe(4_000_000_000);
  });

  it('gives commit times in milliseconds since 1970, microseconds kept, before 2000 too', () => {
    const { decoder: one, begun } = decoder();
    one.decode(encode.begin(1, 1n, 1_500_001n));
    one.decode(encode.begin(1, 1n, -1_000n));
    expect(begun.map(([, , ms]) => Math.round((ms - 946_684_800_000) * 1000))).toEqual([1_500_001, -1000]);
  });

  it('tells null, unsent and empty text apart', () => {
    const { decoder: one, changes } = decoder();
    one.decode(encode.relation(ITEM));
    one.decode(encode.update(ITEM.oid, ['', null, undefined]));
    const row = changes[0]?.after;
    expect([row?.at(0), row?.at(1), row?.at(2), row?.at(3), row?.at(-1)]).toEqual([
      '',
      null,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('knows only the key columns of an old key, and all of an old row', () => {
    const { decoder: one, changes } = decoder();
    one.decode(encode.relation(ITEM));
    one.decode(encode.update(ITEM.oid, ['2', 'a', 'b'], { kind: 'K', row: ['1', null, null] }));
    one.decode(encode.remove(ITEM.oid, 'O', ['2', null, 'b']));
    expect(changes.map(describeChange)).toEqual([
      'update item {"id":"1"} {"id":"2","name":"a","big":"b"}',
      'delete item {"id":"2","name":null,"big":"b"}',
    ]);
  });

  it('keeps rows whole when the bytes that brought them are overwritten', () => {
    const { decoder: one, changes } = decoder();
    one.decode(encode.relation(ITEM));
    const shared = Buffer.alloc(1000);
    for (let i = 0; i < 3000; i++) {
      const bytes = encode.insert(ITEM.oid, [`${i}`, 'x'.repeat(i % 90), 'ü']);
      bytes.copy(shared);
      one.decode(shared.subarray(0, bytes.length));
      shared.fill(0xff);
    }
    expect(changes.map((change) => [change.after?.at(0), change.after?.at(1)?.length, change.after?.at(2)])).toEqual(
      Array.from({ length: 3000 }, (_, i) => [`${i}`, i % 90, 'ü']),
    );
  });

  it('gives each row the table definition in force at that moment', () => {
    const { decoder: one, changes } = decoder();
    one.decode(encode.relation(ITEM));
    one.decode(encode.insert(ITEM.oid, ['1', 'a', 'b']));
    one.decode(encode.relation({ ...ITEM, columns: ['*id', 'title'] }));
    one.decode(encode.insert(ITEM.oid, ['2', 'c']));
    expect(changes.map(describeChange)).toEqual([
      'insert item {"id":"1","name":"a","big":"b"}',
      'insert item {"id":"2","title":"c"}',
    ]);
  });

  it('makes one change of each table of a truncate', () => {
    const { decoder: one, changes } = decoder();
    one.decode(encode.relation(ITEM));
    one.decode(encode.relation({ ...ITEM, oid: 5, name: 'other' }));
    one.decode(encode.truncate([ITEM.oid, 5]));
    expect(changes.map(describeChange)).toEqual(['truncate item', 'truncate other']);
  });

  it('names tables with their schema as in the catalog', () => {
    const { decoder: one, changes } = decoder();
    for (const [oid, schema] of [
      [1, ''],
      [2, 'My "Schema'],
    ] as const) {
      one.decode(encode.relation({ oid, schema, name: 'Tüt.x', columns: ['*a'] }));
      one.decode(encode.insert(oid, ['1']));
    }
    expect(changes.map((change) => change.relation.table)).toEqual(['pg_catalog.Tüt.x', 'My "Schema.Tüt.x']);
  });

  it('reads logical messages, transactional or not', () => {
    const { decoder: one, messages } = decoder();
    one.decode(encode.message(true, 'unstale', 'märk'));
    one.decode(encode.message(false, 'other', ''));
    expect(messages).toEqual([
      { transactional: true, lsn: 77n, prefix: 'unstale', content: 'märk' },
      { transactional: false, lsn: 77n, prefix: 'other', content: '' },
    ]);
  });

  it('stops with table and position when it meets what it does not understand', () => {
    const { decoder: one } = decoder();
    one.decode(encode.begin(1, 0x1_0000_00ffn));
    one.decode(encode.relation(ITEM));
    const wrong = thrown(() => one.decode(encode.insert(ITEM.oid, ['1'])));
    expect(wrong.code).toBe('STREAM_DECODE');
    expect(wrong.message).toContain('public.item');
    expect(wrong.message).toContain('1/FF');
    expect(thrown(() => one.decode(encode.insert(9, ['1']))).message).toContain('oid 9');
    expect(thrown(() => one.decode(Buffer.from('S'))).message).toContain('"S"');
    expect(thrown(() => one.decode(Buffer.alloc(0))).code).toBe('STREAM_DECODE');
  });

  it('reads back whatever rows are written', () => {
    const cell = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(null), fc.constant(undefined));
    fc.assert(
      fc.property(
        fc.array(cell, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(13), { maxLength: 5 }),
        (cells, asked) => {
          const { decoder: one, changes } = decoder();
          one.decode(encode.relation({ ...ITEM, columns: cells.map((_, i) => `c${i}`) }));
          one.decode(encode.update(ITEM.oid, cells, { kind: 'O', row: cells.toReversed() }));
          for (const i of [...asked, ...cells.keys()]) {
            expect(changes[0]?.after?.at(i)).toBe(cells[i]);
            expect(changes[0]?.before?.at(i)).toBe(cells.toReversed()[i]);
          }
        },
      ),
    );
  });

  it('answers bytes that were cut or damaged with an error of its own, and never hangs', () => {
    const messages = [
      encode.begin(7, 5n),
      encode.relation(ITEM),
      encode.insert(ITEM.oid, ['1', 'name', null]),
      encode.update(ITEM.oid, ['1', undefined, 'x'], { kind: 'K', row: ['2', null, null] }),
      encode.remove(ITEM.oid, 'O', ['1', 'a', 'b']),
      encode.truncate([ITEM.oid]),
      encode.message(true, 'unstale', 'mark'),
      encode.commit(5n, 6n),
    ];
    const damage = fc.record({
      which: fc.nat(messages.length - 1),
      cut: fc.option(fc.nat(60)),
      bytes: fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }),
      more: fc.uint8Array({ maxLength: 5 }),
    });
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
        const slices: Slice[] = [];
        const watermark = new Watermark(1n);
        const assembler = new Assembler({
          watermark,
          sliceChanges: 2,
          sliceBytes: 1000,
          onSlice: (slice) => slices.push(slice),
          onMessage: () => undefined,
        });
        const one = new Decoder(assembler, KNOWN);
        const stream = [...messages];
        for (const { which, cut, bytes, more } of damages) {
          const hurt = Buffer.concat([messages[which] ?? Buffer.alloc(0), more]);
          for (const [at, value] of bytes) if (at < hurt.length) hurt[at] = value;
          stream[which] = hurt.subarray(0, cut ?? hurt.length);
        }
        try {
          for (const bytes of stream) one.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(UnstaleError);
          expect(error).toHaveProperty('code', 'STREAM_DECODE');
        }
        // Rows that were handed out can be read whatever came afterwards.
        for (const change of slices.flatMap((slice) => slice.changes)) describeChange(change);
      }),
      { numRuns: 5000 },
    );
  });

  it('survives plain noise', () => {
    fc.assert(
      fc.property(fc.constantFrom(...'BCORYIUDTM'.split('')), fc.uint8Array({ maxLength: 80 }), (type, noise) => {
        const { decoder: one } = decoder();
        one.decode(encode.relation(ITEM));
        try {
          one.decode(Buffer.concat([Buffer.from(type), noise]));
        } catch (error) {
          expect(error).toBeInstanceOf(UnstaleError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
