import type { Transaction } from '../core/change.ts';
import { kindOf, messageOf, UnstaleError } from '../core/errors/index.ts';
import type { Log, Sql } from '../core/ports.ts';
import { pauseMs } from '../pace/backoff.ts';
import { sleep } from '../pace/sleep.ts';
import { isVisible, readSnapshot, type Snapshot } from './snapshot.ts';

export interface GateOptions {
  /** The primary. */
  readonly sql: Sql;
  readonly log: Log;
  /** Told for each group let through: milliseconds that its oldest transaction was held, 0 if it went straight on. */
  readonly onWait?: (waitMs: number, count: number) => void;
  /**
   * Visibility cannot be told for the second time in a row, since the database does not answer. What is held cannot be
   * finished then, and a stream that still stands would keep Postgres from shutting down.
   */
  readonly onBlind?: () => void;
  readonly now?: () => number;
}

export interface Gate {
  /**
   * Groups of transactions that every new reader on the primary sees. The others wait and hold back nobody. Ends when
   * the source ends; what is still held then was never confirmed and will be streamed again.
   */
  visible(source: Source): AsyncGenerator<readonly Transaction[], void, void>;
  /** How many transactions (or slices) wait, and for how long the oldest has. */
  held(): { count: number; oldestMs: number };
  stop(): void;
}

export interface Source {
  /** These wait until they are visible, perhaps for long: reading goes on past them. */
  hold?(transactions: readonly Transaction[]): void;
  /** All that has arrived since the last call, in commit order; `undefined` at the end. */
  take(): Promise<readonly Transaction[] | undefined>;
}

interface Held {
  readonly transaction: Transaction;
  readonly sinceMs: number;
}

/** Pauses between looks while something is held: short at first, since most waits are microseconds long. */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 100;
/** Until the look after one that failed. */
const SECOND_LOOK_MS = 100;

/**
 * Logical decoding sends a transaction once its commit record is flushed, which is before readers see it. Acting then
 * would let a prompt reader put the old row back into the cache, so transactions wait here for the primary's snapshot.
 */
export function createGate(options: GateOptions): Gate {
  const { sql, log, onWait = () => undefined, onBlind = () => undefined, now = Date.now } = options;
  const stopping = new AbortController();
  let held: readonly Held[] = [];

  async function look(): Promise<Snapshot | undefined> {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        return await readSnapshot(sql);
      } catch (error) {
        const retry = error instanceof UnstaleError ? kindOf(error.code).retry : 'medium';
        if (retry === 'never') throw error;
        if (attempt === 1) log.warn({ error: messageOf(error) }, 'visibility cannot be told, transactions wait');
        if (attempt === 2) onBlind();
        // Short at first: a shutdown waits for the second look.
        await sleep(attempt === 1 ? SECOND_LOOK_MS : pauseMs(retry, attempt), stopping.signal);
      }
    }
    return undefined;
  }

  function release(snapshot: Snapshot): readonly Transaction[] {
    const ready: Transaction[] = [];
    const still: Held[] = [];
    let oldest = now();
    for (const one of held) {
      if (!isVisible(one.transaction.xid, snapshot)) still.push(one);
      else {
        ready.push(one.transaction);
        oldest = Math.min(oldest, one.sinceMs);
      }
    }
    held = still;
    if (ready.length > 0) onWait(Math.max(0, now() - oldest), ready.length);
    return ready;
  }

  return {
    async *visible(source) {
      const arrivals = watch(source);
      let pause = FIRST_LOOK_MS;
      for (;;) {
        const arrived = await (held.length === 0 ? arrivals.next() : arrivals.within(pause, stopping.signal));
        if (arrived === 'end' || stopping.signal.aborted) return;
        const sinceMs = now();
        held = held.concat(arrived.map((transaction) => ({ transaction, sinceMs })));
        const snapshot = await look();
        if (!snapshot) return;
        const ready = release(snapshot);
        if (held.length > 0) source.hold?.(held.map(({ transaction }) => transaction));
        pause = ready.length > 0 ? FIRST_LOOK_MS : Math.min(pause * 2, LAST_LOOK_MS);
        if (ready.length > 0) yield ready;
      }
    },
    held: () => ({ count: held.length, oldestMs: held[0] ? now() - held[0].sinceMs : 0 }),
    stop: () => stopping.abort(),
  };
}

/** Lets the source be waited for with a time limit, without losing what comes in after it. */
function watch(source: Source) {
  let taking: Promise<readonly Transaction[] | 'end'> | undefined;
  const take = () => {
    taking ??= source.take().then((got) => got ?? 'end');
    return taking;
  };
  const taken = (got: readonly Transaction[] | 'end') => {
    taking = undefined;
    return got;
  };
  return {
    next: () => take().then(taken),
    async within(ms: number, signal: AbortSignal): Promise<readonly Transaction[] | 'end'> {
      const timer = new AbortController();
      const pause = sleep(ms, AbortSignal.any([signal, timer.signal])).then(() => undefined);
      const got = await Promise.race([take(), pause]);
      timer.abort();
      return got === undefined ? [] : taken(got);
    },
  };
}
