import type { Transaction } from '../core/change.ts';
import type { UnstaleError } from '../core/errors/index.ts';
import { type Counted, Slice } from './slice.ts';

/**
 * Slices between the socket and whoever takes them, and the bytes that are held by all that were cut and not released,
 * of whatever connection.
 */
export class Inbox {
  #slices: Slice[] = [];
  #taker: { readonly promise: Promise<void>; readonly wake: () => void } | undefined;
  readonly #counts = { 'in flight': 0, held: 0 };
  #drained = false;
  #error: UnstaleError | undefined;

  /** On their way into the queue. */
  get bytes(): number {
    return this.#counts['in flight'];
  }

  /** Kept back by whoever took them. */
  get heldBytes(): number {
    return this.#counts.held;
  }

  push(slice: Slice): void {
    this.#counts['in flight'] += slice.bytes;
    this.#slices.push(slice);
  }

  /** Wakes the taker if there is something; called once for each read, not for each slice. */
  flush(): void {
    if (this.#drained) this.drop();
    else if (this.#slices.length > 0) this.#wake();
  }

  /** All slices since the last call, never none; `undefined` once drained. Rejects after `fail`. */
  async take(): Promise<readonly Transaction[] | undefined> {
    while (this.#slices.length === 0) {
      if (this.#drained) return undefined;
      if (this.#error) throw this.#error;
      this.#taker ??= createTaker();
      await this.#taker.promise;
    }
    const taken = this.#slices;
    this.#slices = [];
    return taken;
  }

  finish(transactions: readonly Transaction[]): void {
    for (const slice of transactions) {
      if (!(slice instanceof Slice)) continue;
      slice.finish();
      this.#count(slice, undefined);
    }
  }

  /** They wait for something that may take long, so they must not keep others from being read. */
  hold(transactions: readonly Transaction[]): void {
    for (const slice of transactions) if (slice instanceof Slice) this.#count(slice, 'held');
  }

  release(transactions: readonly Transaction[]): void {
    for (const slice of transactions) {
      if (!(slice instanceof Slice)) continue;
      slice.empty();
      this.#count(slice, undefined);
    }
  }

  /** Forgets what was not taken: it will come again. */
  drop(): void {
    const dropped = this.#slices;
    this.#slices = [];
    this.release(dropped);
  }

  drain(): void {
    this.#drained = true;
    this.drop();
    this.#wake();
  }

  fail(error: UnstaleError): void {
    this.#error = error;
    this.#wake();
  }

  /** What counts no longer does not come back: a slice of an earlier connection may be held after it was dropped. */
  #count(slice: Slice, as: Counted | undefined): void {
    const was = slice.count(undefined);
    if (was === undefined) return;
    this.#counts[was] -= slice.bytes;
    if (as !== undefined) this.#counts[as] += slice.bytes;
    slice.count(as);
  }

  #wake(): void {
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.wake();
  }
}

function createTaker() {
  let wake: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    wake = resolve;
  });
  return { promise, wake };
}
