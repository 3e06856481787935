import type { Change, Column, Relation } from '../core/change.ts';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import { formatLsn, type Lsn, NO_LSN } from '../core/lsn.ts';
import { Arena } from './arena.ts';
import type { Known } from './known.ts';
import { DoubtfulRow, KeyRow, type Layout, layoutOf, TupleRow, tupleEnd } from './row.ts';

/** Receives what a stream says, in its order. */
export interface Sink {
  /** `commitLsn`: start of the commit record. `committedAtMs`: as in Transaction. */
  begin(xid: number, commitLsn: Lsn, committedAtMs: number): void;
  /** `bytes`: size on the wire; 0 for the further tables of one truncate. */
  change(change: Change, bytes: number): void;
  /** `endLsn`: end of the commit record. */
  commit(commitLsn: Lsn, endLsn: Lsn): void;
  /** A logical message; a transactional one belongs to the transaction that was begun. */
  message(message: LogicalMessage): void;
}

export interface LogicalMessage {
  readonly transactional: boolean;
  readonly lsn: Lsn;
  readonly prefix: string;
  readonly content: string;
}

const IDENTITIES: Readonly<Record<string, Relation['identity']>> = {
  d: 'default',
  n: 'nothing',
  f: 'full',
  i: 'index',
};
const OLD_KEY = 0x4b; // K
const OLD_ROW = 0x4f; // O
const NEW_ROW = 0x4e; // N
/** 2000-01-01 in milliseconds since 1970: Postgres counts from there. */
const POSTGRES_EPOCH_MS = 946_684_800_000;

/**
 * Decoder of pgoutput messages, protocol version 1. One for each connection: relations are announced anew on each.
 * Throws STREAM_DECODE for bytes that it does not understand; nothing is ever skipped.
 * Source: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export class Decoder {
  readonly #sink: Sink;
  readonly #catalog: Known;
  readonly #layouts = new Map<number, Layout>();
  readonly #arena = new Arena();
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  /** For error messages: where in the stream it happened. */
  #commitLsn: Lsn = NO_LSN;
  #relation: Relation | undefined;

  constructor(sink: Sink, known: Known) {
    this.#sink = sink;
    this.#catalog = known;
  }

  /** One message. The bytes may be overwritten afterwards. */
  decode(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#at = 1;
    this.#relation = undefined;
    try {
      this.#message(bytes);
    } catch (error) {
      throw error instanceof UnstaleError ? error : this.#failure(error);
    }
  }

  #message(bytes: Buffer): void {
    switch (bytes[0]) {
      case 0x49: // I
        this.#insert();
        break;
      case 0x55: // U
        this.#update();
        break;
      case 0x44: // D
        this.#delete();
        break;
      case 0x42: // B
        this.#begin();
        break;
      case 0x43: // C
        this.#commit();
        break;
      case 0x52: // R
        this.#announce();
        break;
      case 0x54: // T
        this.#truncate();
        break;
      case 0x4d: // M
        this.#logicalMessage();
        break;
      case 0x59: // Y: type names are of no use here
      case 0x4f: // O: writes count wherever they come from
        break;
      default:
        throw new RangeError('a message of this type was not asked for');
    }
  }

  #begin(): void {
    this.#commitLsn = this.#lsn();
    const committedAtMs = this.#timestamp();
    const xid = this.#uint32();
    this.#end();
    this.#sink.begin(xid, this.#commitLsn, committedAtMs);
  }

  #commit(): void {
    this.#at += 1; // flags, none in use
    const commitLsn = this.#lsn();
    const endLsn = this.#lsn();
    this.#timestamp();
    this.#end();
    this.#sink.commit(commitLsn, endLsn);
  }

  #insert(): void {
    const layout = this.#known(this.#uint32());
    const { relation } = layout;
    this.#expect(NEW_ROW);
    const row = this.#tuple(relation);
    this.#end();
    const start = this.#arena.copy(this.#bytes);
    const after = new TupleRow(this.#arena.slab, start + row, layout);
    this.#sink.change({ op: 'insert', relation, before: undefined, after }, this.#bytes.length);
  }

  #update(): void {
    const layout = this.#known(this.#uint32());
    const { relation } = layout;
    const kind = this.#bytes[this.#at];
    let old = -1;
    if (kind === OLD_KEY || kind === OLD_ROW) {
      this.#at++;
      old = this.#tuple(relation);
    }
    this.#expect(NEW_ROW);
    const row = this.#tuple(relation);
    this.#end();
    const start = this.#arena.copy(this.#bytes);
    const before = old < 0 ? undefined : this.#oldRow(kind, start + old, layout);
    const after = new TupleRow(this.#arena.slab, start + row, layout);
    this.#sink.change({ op: 'update', relation, before, after }, this.#bytes.length);
  }

  #delete(): void {
    const layout = this.#known(this.#uint32());
    const { relation } = layout;
    const kind = this.#bytes[this.#at++];
    if (kind !== OLD_KEY && kind !== OLD_ROW) throw new RangeError('the old row is missing');
    const old = this.#tuple(relation);
    this.#end();
    const start = this.#arena.copy(this.#bytes);
    const before = this.#oldRow(kind, start + old, layout);
    this.#sink.change({ op: 'delete', relation, before, after: undefined }, this.#bytes.length);
  }

  /** Message: number of tables, options, their oids. One change for each table. */
  #truncate(): void {
    const oids: number[] = [];
    const count = this.#uint32();
    this.#at += 1; // options: cascade, restart identity
    for (let i = 0; i < count; i++) oids.push(this.#uint32());
    this.#end();
    const layouts = oids.map((oid) => this.#known(oid));
    for (const [i, { relation }] of layouts.entries()) {
      const change: Change = { op: 'truncate', relation, before: undefined, after: undefined };
      this.#sink.change(change, i === 0 ? this.#bytes.length : 0);
    }
  }

  #announce(): void {
    const oid = this.#uint32();
    const schema = this.#text() || 'pg_catalog';
    const name = this.#text();
    const table = `${schema}.${name}`;
    const plain = this.#catalog.plainTables.has(table);
    let identity = IDENTITIES[String.fromCharCode(this.#uint8())];
    // Partitions that log by an index of their own, which they cannot share with the root: that an update came without
    // its old row says nothing then. `full` stands for that: an old row that was not sent is unknown.
    if (this.#catalog.mixedTables.has(table) || (identity === 'index' && !plain)) identity = 'full';
    if (!identity) throw new RangeError('the replica identity is of an unknown kind');
    const columns: Column[] = [];
    const count = this.#uint16();
    for (let i = 0; i < count; i++) {
      const key = (this.#uint8() & 1) === 1;
      const column = this.#text();
      const type = this.#uint32();
      columns.push({ name: column, type: this.#catalog.baseTypes.get(type) ?? type, key });
      this.#at += 4; // type modifier
    }
    this.#end();
    this.#layouts.set(oid, layoutOf({ oid, schema, name, table, identity, columns }, plain));
  }

  #logicalMessage(): void {
    const transactional = (this.#uint8() & 1) === 1;
    const lsn = this.#lsn();
    const prefix = this.#text();
    const length = this.#uint32();
    const start = this.#at;
    this.#at += length;
    this.#end();
    const content = this.#bytes.toString('utf8', start, start + length);
    this.#sink.message({ transactional, lsn, prefix, content });
  }

  #known(oid: number): Layout {
    const layout = this.#layouts.get(oid);
    if (!layout) throw new RangeError(`the table with oid ${oid} was not announced`);
    this.#relation = layout.relation;
    return layout;
  }

  #oldRow(kind: number | undefined, start: number, layout: Layout): TupleRow {
    const slab = this.#arena.slab;
    if (kind === OLD_KEY) return new KeyRow(slab, start, layout);
    return layout.trusted ? new TupleRow(slab, start, layout) : new DoubtfulRow(slab, start, layout);
  }

  /** Checks the row that begins here and steps over it. Returns where it began. */
  #tuple(relation: Relation): number {
    const start = this.#at;
    this.#at = tupleEnd(this.#bytes, start, relation.columns.length);
    return start;
  }

  #expect(kind: number): void {
    if (this.#bytes[this.#at++] !== kind) throw new RangeError('the new row is missing');
  }

  /** Every byte must be accounted for. */
  #end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new RangeError(`it ends at byte ${this.#at} but has ${this.#bytes.length}`);
    }
  }

  #uint8(): number {
    this.#at += 1;
    return this.#bytes.readUInt8(this.#at - 1);
  }

  #uint16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  #uint32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  #lsn(): Lsn {
    this.#at += 8;
    return this.#bytes.readBigUInt64BE(this.#at - 8);
  }

  /** Microseconds since 2000, signed, to milliseconds since 1970. They stay below 2^53, so a double keeps them. */
  #timestamp(): number {
    this.#at += 8;
    const micros = this.#bytes.readInt32BE(this.#at - 8) * 2 ** 32 + this.#bytes.readUInt32BE(this.#at - 4);
    return POSTGRES_EPOCH_MS + micros / 1000;
  }

  /** Text that ends with a zero byte. */
  #text(): string {
    const start = this.#at;
    const end = this.#bytes.indexOf(0, start);
    if (end < 0) throw new RangeError('a text does not end');
    this.#at = end + 1;
    return this.#bytes.toString('utf8', start, end);
  }

  #failure(cause: unknown): UnstaleError {
    const type = JSON.stringify(String.fromCharCode(this.#bytes[0] ?? 0));
    const table = this.#relation ? ` for ${this.#relation.table}` : '';
    const where = `in or after the transaction that commits at ${formatLsn(this.#commitLsn)}`;
    const text = `a message of type ${type}${table} ${where} cannot be decoded: ${messageOf(cause)}`;
    return new UnstaleError('STREAM_DECODE', text, { cause });
  }
}
