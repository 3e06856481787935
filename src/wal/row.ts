import type { Relation, Row, Value } from '../core/change.ts';
import { type Cast, castOf } from './cast.ts';

const NULL = 0x6e; // n
const UNCHANGED = 0x75; // u: an unchanged TOAST value, which is not sent
const TEXT = 0x74; // t

/**
 * Checks a TupleData (column count, then kind and bytes of each column) from `start` on and returns where it ends.
 * Throws a RangeError where the bytes are no such thing, so that reading the row later cannot fail.
 * Source: https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
 */
export function tupleEnd(bytes: Buffer, start: number, columns: number): number {
  const count = bytes.readUInt16BE(start);
  if (count !== columns) throw new RangeError(`the row has ${count} columns, its table ${columns}`);
  let at = start + 2;
  for (let i = 0; i < count; i++) {
    const kind = bytes[at++];
    if (kind === TEXT) {
      const length = bytes.readInt32BE(at);
      if (length < 0) throw new RangeError(`column ${i} has the length ${length}`);
      at += 4 + length;
    } else if (kind !== NULL && kind !== UNCHANGED) throw new RangeError(`column ${i} is of the unknown kind ${kind}`);
  }
  if (at > bytes.length) throw new RangeError('the row is cut off');
  return at;
}

/** What rows need to know of their table; made once for each announcement of a table. */
export interface Layout {
  readonly relation: Relation;
  /** A null in a whole old row is one. See `DoubtfulRow`. */
  readonly trusted: boolean;
  /** By column. */
  readonly casts: readonly (Cast | undefined)[];
}

export function layoutOf(relation: Relation, trusted: boolean): Layout {
  return { relation, trusted, casts: relation.columns.map((column) => castOf(column.type)) };
}

/** A row image over the bytes that came in. Text is made only of the columns that are asked for. */
export class TupleRow implements Row {
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #layout: Layout;

  /** `start`: where a TupleData begins that `tupleEnd` has checked. */
  constructor(bytes: Buffer, start: number, layout: Layout) {
    this.#bytes = bytes;
    this.#start = start;
    this.#layout = layout;
  }

  at(index: number): Value {
    const bytes = this.#bytes;
    if (!(index >= 0 && index < this.#layout.casts.length)) return undefined;
    let at = this.#start + 2;
    for (let i = 0; i < index; i++) at += bytes[at] === TEXT ? 5 + bytes.readInt32BE(at + 1) : 1;
    const kind = bytes[at];
    if (kind !== TEXT) return kind === NULL ? null : undefined;
    const text = bytes.toString('utf8', at + 5, at + 5 + bytes.readInt32BE(at + 1));
    const cast = this.#layout.casts[index];
    return cast ? cast(text) : text;
  }

  /** Is this column part of the replica identity? */
  protected isKey(index: number): boolean {
    return this.#layout.relation.columns[index]?.key === true;
  }
}

/**
 * An old row of which only the replica identity was sent. Postgres fills the other columns with nulls that mean nothing;
 * columns of an identity are never null, so a null there was not logged either (by a partition whose identity is another).
 */
export class KeyRow extends TupleRow {
  override at(index: number): Value {
    return this.isKey(index) ? (super.at(index) ?? undefined) : undefined;
  }
}

/**
 * A whole old row of a table that may be partitioned. It comes in the shape of the root, but a partition logs what its
 * own replica identity says: with `full` on the root and `default` on a partition (as new ones have), the columns that
 * were not logged come as nulls. Such nulls cannot be told from real ones, so all of them are unknown.
 */
export class DoubtfulRow extends TupleRow {
  override at(index: number): Value {
    return super.at(index) ?? undefined;
  }
}
