import type { Change, Transaction } from '../core/change.ts';
import type { Lsn } from '../core/lsn.ts';
import type { Entry } from './watermark.ts';

const NOTHING: readonly never[] = [];

/** What bytes of a slice are counted as: on their way into the queue, or kept back until readers see the transaction. */
export type Counted = 'in flight' | 'held';

/** A transaction, or a part of a large one, as it is given out: it knows what its end sets free. */
export class Slice implements Transaction {
  readonly xid: number;
  readonly commitLsn: Lsn;
  readonly committedAtMs: number;
  readonly marks: readonly string[];
  readonly last: boolean;
  readonly bytes: number;
  changes: readonly Change[];
  readonly #entry: Entry;
  #finished = false;
  #counted: Counted | undefined = 'in flight';

  constructor(head: TransactionHead, part: SlicePart) {
    this.xid = head.xid;
    this.commitLsn = head.commitLsn;
    this.committedAtMs = head.committedAtMs;
    this.changes = part.changes;
    this.marks = part.marks ?? NOTHING;
    this.last = part.last;
    this.bytes = part.bytes;
    this.#entry = head.entry;
    this.#entry.slice();
  }

  /** All its effects are finished. Again: no effect. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#entry.finish();
  }

  /** Where its bytes count from now on; returns where they did. */
  count(as: Counted | undefined): Counted | undefined {
    const was = this.#counted;
    this.#counted = as;
    return was;
  }

  /** Lets go of the rows. */
  empty(): void {
    this.changes = NOTHING;
  }
}

export interface TransactionHead {
  readonly xid: number;
  readonly commitLsn: Lsn;
  readonly committedAtMs: number;
  readonly entry: Entry;
}

export interface SlicePart {
  readonly changes: readonly Change[];
  readonly marks?: readonly string[];
  readonly last: boolean;
  readonly bytes: number;
}
