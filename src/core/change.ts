import type { Lsn } from './lsn.ts';

export type Operation = 'insert' | 'update' | 'delete' | 'truncate';
export const OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete', 'truncate'];

/**
 * A column's text as `column::text` prints it (time zone UTC, ISO dates, hex bytea).
 * `null` is SQL NULL; `undefined` means that Postgres did not send it, which is not the same.
 */
export type Value = string | null | undefined;

export interface Column {
  readonly name: string;
  /** `pg_type.oid` */
  readonly type: number;
  /** Part of the replica identity: its old value is known in updates and deletes. */
  readonly key: boolean;
}

/** What pgoutput says of a table before its first row; a new object after each DDL and on each connection. */
export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** `schema.name`, exactly as in the catalog: the key of the table index. */
  readonly table: string;
  readonly identity: 'default' | 'nothing' | 'full' | 'index';
  readonly columns: readonly Column[];
}

/** A row image. Decoding is lazy: only the columns that are asked for are turned into text. */
export interface Row {
  /** The value of the column at this position of `relation.columns`. */
  at(index: number): Value;
}

export interface Change {
  readonly op: Operation;
  readonly relation: Relation;
  /**
   * The old row as it was sent: whole (identity `full`), its key columns only (all others `undefined`), or absent
   * (inserts, truncates, and updates that left the identity alone).
   */
  readonly before?: Row | undefined;
  /** The new row (inserts, updates). An `undefined` in an update is an unchanged TOAST value. */
  readonly after?: Row | undefined;
}

/** The new row's value. An unchanged TOAST value is taken from the old row where that was sent whole. */
export function newValue(change: Change, index: number): Value {
  const value = change.after?.at(index);
  return value === undefined && change.op === 'update' ? change.before?.at(index) : value;
}

/** The old row's value. Where an update sent no old row, its identity is known to be as in the new row. */
export function oldValue(change: Change, index: number): Value {
  if (change.op === 'insert') return undefined;
  if (change.before) return change.before.at(index);
  if (change.op !== 'update') return undefined;
  const { identity, columns } = change.relation;
  const known = (identity === 'default' || identity === 'index') && columns[index]?.key;
  return known ? change.after?.at(index) : undefined;
}

/** Did an update change this column? `undefined` where that cannot be known. */
export function columnChanged(change: Change, index: number): boolean | undefined {
  const now = change.after?.at(index);
  if (now === undefined) return false; // unchanged TOAST is sent as such: known to be equal
  const was = oldValue(change, index);
  return was === undefined ? undefined : was !== now;
}

/**
 * A committed transaction, or one slice of a large one: all its slices have the same `xid` and `commitLsn`, and only the
 * final one has `last`.
 */
export interface Transaction {
  /** Unsigned 32 bit, as in the stream; see gate/ for how it meets 64-bit snapshots. */
  readonly xid: number;
  /** Where the commit record starts. Orders transactions; not a safe position to confirm. */
  readonly commitLsn: Lsn;
  /** Milliseconds since 1970, with microseconds as fraction, by the database's clock. */
  readonly committedAtMs: number;
  readonly changes: readonly Change[];
  /** Contents of transactional logical messages with prefix `unstale`. */
  readonly marks: readonly string[];
  readonly last: boolean;
  /** Size on the wire: what backpressure counts. */
  readonly bytes: number;
}
