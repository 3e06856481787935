import type { Transaction } from '../core/change.ts';
import { kindOf, UnstaleError } from '../core/errors/index.ts';
import { formatLsn, NO_LSN } from '../core/lsn.ts';
import { pauseMs } from '../pace/backoff.ts';
import { sleep } from '../pace/sleep.ts';
import { classifyReplicationError } from './errors.ts';
import type { WalOptions, WalState, WalStatus, WalStream } from './face.ts';
import { Inbox } from './inbox.ts';
import { runSession, type Session, type SessionOptions } from './session.ts';
import { checkSlotName, freeSlot } from './slot.ts';
import { unlessAborted } from './unless-aborted.ts';

export type { WalOptions, WalState, WalStatus, WalStream } from './face.ts';

type Positions = Pick<WalStatus, 'watermarkLsn' | 'confirmedLsn' | 'receivedLsn'>;

const STANDBY_MS = 500;
/** A connection of our own that broke off may hold the slot for a moment: no reason to warn. */
const STANDBY_SILENT = 2;
/** A connection that lasted so long was a good one: the next failure is the first. */
const HEALTHY_MS = 5000;
/** Part of `maxBytesInFlight` at which reading goes on. */
const REOPEN_BELOW = 0.75;
const DEFAULTS = {
  maxBytesInFlight: 4 * 1024 * 1024,
  maxBytesHeld: 16 * 1024 * 1024,
  horizonMs: 5000,
  heartbeatMs: 10_000,
  temporarySlot: false,
  sliceChanges: 5000,
  sliceBytes: 1024 * 1024,
};

/** The stream of changes behind a slot, reconnecting for as long as it makes sense. */
export function openWal(options: WalOptions): WalStream {
  checkSlotName(options.slot);
  return new Stream(options);
}

class Stream implements WalStream {
  readonly #options: WalOptions & typeof DEFAULTS;
  readonly #inbox = new Inbox();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #session: Session | undefined;
  #state: WalState = 'idle';
  #error: UnstaleError | undefined;
  #paused = false;
  /** Of the last connection: what `status` tells between two of them. */
  #positions: Positions = { watermarkLsn: NO_LSN, confirmedLsn: NO_LSN, receivedLsn: NO_LSN };
  /** Failures in a row; looks at a slot that is taken; silences in a row. */
  #attempts = 0;
  #standbys = 0;
  #silences = 0;

  constructor(options: WalOptions) {
    this.#options = { ...DEFAULTS, ...options };
  }

  start(): void {
    if (!this.#stopped) this.#running ??= this.#run();
  }

  take(): Promise<readonly Transaction[] | undefined> {
    return this.#inbox.take();
  }

  finish(transactions: readonly Transaction[]): void {
    this.#inbox.finish(transactions);
    this.#balance();
  }

  release(transactions: readonly Transaction[]): void {
    this.#inbox.release(transactions);
    this.#balance();
  }

  status(): WalStatus {
    return {
      state: this.#state,
      ...this.#notePositions(),
      bytesInFlight: this.#inbox.bytes,
      paused: this.#paused,
      lagMs: this.#session?.lagMs,
      lastError: this.#error,
    };
  }

  hold(transactions: readonly Transaction[]): void {
    this.#inbox.hold(transactions);
    this.#balance();
  }

  reopen(reason: string): void {
    const text = `the stream is read again from the confirmed position: ${reason}`;
    this.#session?.fail(new UnstaleError('STREAM_REOPENED', text));
  }

  drain(): void {
    this.#inbox.drain();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.drain();
    const session = this.#session;
    const clean = await session?.close();
    if (clean === false) this.#evict(session?.pid);
    this.#stopping.abort();
    await this.#running;
    this.#to('stopped');
  }

  async #run(): Promise<void> {
    while (!this.#stopped && this.#state !== 'failed') {
      try {
        await this.#connectAndStream();
      } catch (error) {
        if (!this.#stopped) await this.#recover(classifyReplicationError(error));
      }
    }
  }

  /** One connection: until it breaks, or is closed by `stop`. */
  async #connectAndStream(): Promise<void> {
    if (this.#state !== 'standby') this.#to('connecting');
    const { signal } = this.#stopping;
    let sinceMs = Number.POSITIVE_INFINITY;
    const onStart = (session: Session): void => {
      sinceMs = performance.now();
      this.#begin(session);
    };
    try {
      await unlessAborted(runSession({ ...this.#sessionOptions(), onStart }, signal), signal);
    } catch (error) {
      this.#evict(this.#session?.pid);
      throw error;
    } finally {
      if (performance.now() - sinceMs > HEALTHY_MS) this.#attempts = 0;
      this.#notePositions();
      this.#session = undefined;
      this.#inbox.drop();
    }
  }

  #begin(session: Session): void {
    this.#session = session;
    this.#error = undefined;
    this.#standbys = 0;
    this.#paused = false;
    this.#to('streaming');
    const { slot, log } = this.#options;
    log.info({ slot, pid: session.pid, confirmed: formatLsn(session.confirmedLsn) }, 'streaming from the slot');
    this.#balance();
  }

  async #recover(error: UnstaleError): Promise<void> {
    const { log, slot } = this.#options;
    const { retry } = kindOf(error.code);
    const fields = { code: error.code, error: error.message, hint: error.hint, slot };
    this.#error = error;
    this.#silences = error.code === 'STREAM_SILENT' ? this.#silences + 1 : 0;
    if (error.code === 'SLOT_IN_USE') return this.#standBy(fields);
    if (retry === 'never') {
      this.#to('failed');
      log.error(fields, 'the stream cannot go on');
      this.#inbox.fail(error);
      return;
    }
    this.#to('waiting');
    const waitMs = pauseMs(retry, ++this.#attempts);
    log.warn({ ...fields, waitMs }, 'the stream broke off and will be opened again');
    await sleep(waitMs, this.#stopping.signal);
  }

  async #standBy(fields: object): Promise<void> {
    this.#to('standby');
    this.#standbys++;
    if (this.#standbys === STANDBY_SILENT) {
      this.#options.log.warn(fields, 'another process reads from the slot, standing by');
    }
    await sleep(STANDBY_MS, this.#stopping.signal);
  }

  /** The server may not know that the connection is gone, and would keep the slot to it until its own timeout. */
  #evict(pid: number | undefined): void {
    const { sql, slot } = this.#options;
    if (pid !== undefined) void freeSlot(sql, slot, pid).catch(() => undefined);
  }

  #sessionOptions(): Omit<SessionOptions, 'onStart'> {
    return {
      ...this.#options,
      patience: 2 ** Math.min(this.#silences, 4),
      onSlice: (slice) => this.#inbox.push(slice),
      onRead: () => this.#afterRead(),
    };
  }

  #afterRead(): void {
    this.#inbox.flush();
    this.#balance();
  }

  /** Backpressure by bytes: shut above the limit, open again well below it. */
  #balance(): void {
    const { maxBytesInFlight, maxBytesHeld } = this.#options;
    const part = this.#paused ? REOPEN_BELOW : 1;
    const pause = this.#inbox.bytes > maxBytesInFlight * part || this.#inbox.heldBytes > maxBytesHeld * part;
    if (!this.#session || pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.#session.pause();
    else this.#session.resume();
  }

  #notePositions(): Positions {
    const session = this.#session;
    if (session) {
      const { watermarkLsn, confirmedLsn, receivedLsn } = session;
      this.#positions = { watermarkLsn, confirmedLsn, receivedLsn };
    }
    return this.#positions;
  }

  #to(state: WalState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onState?.(state);
  }
}
