import type { Change } from '../core/change.ts';
import { UnstaleError } from '../core/errors/index.ts';
import { formatLsn, type Lsn } from '../core/lsn.ts';
import type { LogicalMessage, Sink } from './pgoutput.ts';
import { Slice, type TransactionHead } from './slice.ts';
import type { Watermark } from './watermark.ts';

/** Prefix of our own logical messages: marks inside transactions, heartbeats outside. Others are not for us. */
export const MESSAGE_PREFIX = 'unstale';

export interface AssemblerOptions {
  readonly watermark: Watermark;
  /** A slice is cut after so many changes, or bytes on the wire. */
  readonly sliceChanges: number;
  readonly sliceBytes: number;
  readonly onSlice: (slice: Slice) => void;
  /** A logical message of ours outside of transactions. */
  readonly onMessage: (message: LogicalMessage) => void;
}

/** What one message costs on the wire besides its own bytes: CopyData and XLogData headers. */
const HEADER_BYTES = 30;

/** Puts messages together to transactions, large ones in slices, so that no transaction must fit into memory. */
export class Assembler implements Sink {
  readonly #options: AssemblerOptions;
  #head: TransactionHead | undefined;
  #changes: Change[] = [];
  #marks: string[] = [];
  #bytes = 0;
  #sliced = false;

  constructor(options: AssemblerOptions) {
    this.#options = options;
  }

  begin(xid: number, commitLsn: Lsn, committedAtMs: number): void {
    if (this.#head) throw this.#failure(`a transaction begins inside the one of ${formatLsn(this.#head.commitLsn)}`);
    this.#head = { xid, commitLsn, committedAtMs, entry: this.#options.watermark.open() };
    this.#sliced = false;
  }

  change(change: Change, bytes: number): void {
    const head = this.#head;
    if (!head) throw this.#failure(`a change of ${change.relation.table} belongs to no transaction`);
    this.#changes.push(change);
    this.#bytes += bytes + HEADER_BYTES;
    if (this.#changes.length >= this.#options.sliceChanges || this.#bytes >= this.#options.sliceBytes) {
      this.#cut(head, false);
    }
  }

  commit(commitLsn: Lsn, endLsn: Lsn): void {
    const head = this.#head;
    if (head?.commitLsn !== commitLsn || endLsn <= commitLsn) {
      throw this.#failure(`the commit ${formatLsn(commitLsn)} to ${formatLsn(endLsn)} does not fit its transaction`);
    }
    // An empty transaction only moves the watermark. One that was sliced needs its last slice, be it empty.
    if (this.#changes.length > 0 || this.#marks.length > 0 || this.#sliced) this.#cut(head, true);
    head.entry.close(endLsn);
    this.#head = undefined;
  }

  message(message: LogicalMessage): void {
    if (message.prefix !== MESSAGE_PREFIX) return;
    if (!message.transactional) this.#options.onMessage(message);
    else if (this.#head) this.#marks.push(message.content);
    else throw this.#failure(`a transactional message at ${formatLsn(message.lsn)} belongs to no transaction`);
  }

  /** Marks wait for the last slice: they say that the whole transaction is finished. */
  #cut(head: TransactionHead, last: boolean): void {
    const part = { changes: this.#changes, last, bytes: this.#bytes };
    const slice = new Slice(head, last && this.#marks.length > 0 ? { ...part, marks: this.#marks } : part);
    this.#changes = [];
    this.#bytes = 0;
    this.#sliced = true;
    if (last) this.#marks = [];
    this.#options.onSlice(slice);
  }

  #failure(text: string): UnstaleError {
    return new UnstaleError('STREAM_DECODE', text);
  }
}
