import type { Lsn } from '../core/lsn.ts';

/** A transaction from its first byte to the end of its last effect. */
export class Entry {
  readonly #advance: () => void;
  next: Entry | undefined;
  endLsn: Lsn;
  #open = true;
  #unfinished = 0;

  constructor(advance: () => void, floor: Lsn) {
    this.#advance = advance;
    this.endLsn = floor;
  }

  /** One more slice was given out. */
  slice(): void {
    this.#unfinished++;
  }

  /** Its commit has arrived; no more slices come. `endLsn`: the end of the commit record. */
  close(endLsn: Lsn): void {
    this.#open = false;
    this.raise(endLsn);
    if (this.done) this.#advance();
  }

  /** One of its slices is finished, in any order. Once for each slice. */
  finish(): void {
    this.#unfinished--;
    if (this.done) this.#advance();
  }

  raise(lsn: Lsn): void {
    if (lsn > this.endLsn) this.endLsn = lsn;
  }

  get done(): boolean {
    return !this.#open && this.#unfinished === 0;
  }
}

/**
 * The low watermark of one connection: every transaction that ends at or before `lsn` is finished. It never goes back.
 *
 * Invariant: entries are in commit order, and the mark is the end of the last entry before the first that is not done.
 * The end of a commit record is safe to confirm, one byte more is not: the server skips each commit record that starts
 * before the confirmed position, and the next record may start right there.
 */
export class Watermark {
  #lsn: Lsn;
  #received: Lsn;
  #first: Entry | undefined;
  #last: Entry | undefined;
  readonly #advance = (): void => {
    while (this.#first?.done) {
      this.#raise(this.#first.endLsn);
      this.#first = this.#first.next;
    }
    if (!this.#first) this.#last = undefined;
  };

  constructor(start: Lsn) {
    this.#lsn = start;
    this.#received = start;
  }

  get lsn(): Lsn {
    return this.#lsn;
  }

  /** The furthest position that the server has sent. */
  get received(): Lsn {
    return this.#last && this.#last.endLsn > this.#received ? this.#last.endLsn : this.#received;
  }

  /** Nothing that has arrived is unfinished. */
  get idle(): boolean {
    return this.#first === undefined;
  }

  /** A transaction begins to arrive. */
  open(): Entry {
    const entry = new Entry(this.#advance, this.#lsn);
    if (this.#last) this.#last.next = entry;
    else this.#first = entry;
    this.#last = entry;
    return entry;
  }

  /**
   * The server has sent everything up to here (keepalive). Counts at once when nothing is in flight, else as soon as
   * all that arrived before it is finished.
   */
  note(lsn: Lsn): void {
    if (lsn > this.#received) this.#received = lsn;
    if (this.#last) this.#last.raise(lsn);
    else this.#raise(lsn);
  }

  #raise(lsn: Lsn): void {
    if (lsn > this.#lsn) this.#lsn = lsn;
    if (lsn > this.#received) this.#received = lsn;
  }
}
