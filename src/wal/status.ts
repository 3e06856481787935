import type { Lsn } from '../core/lsn.ts';
import { NO_LSN } from '../core/lsn.ts';

export interface StatusOptions {
  /** The session's `wal_sender_timeout`; 0: the server waits for ever. */
  readonly walSenderTimeoutMs: number;
  /** The only position that is ever reported. */
  readonly confirmed: () => Lsn;
  /** Ask the server to answer? */
  readonly wantsPing: () => boolean;
  readonly send: (lsn: Lsn, ping: boolean) => void;
}

const MOST_MS = 1000;
/** A server that is shutting down asks again as soon as it was answered, until everything is confirmed. */
const ANSWER_MS = 20;

/** Three answers within the server's patience, and one a second. */
export function statusIntervalMs(walSenderTimeoutMs: number): number {
  return walSenderTimeoutMs > 0 ? Math.min(MOST_MS, walSenderTimeoutMs / 3) : MOST_MS;
}

/** Reports the confirmed position, by time and not by message, also while reading is paused: the server counts on it. */
export class StatusLoop {
  readonly #options: StatusOptions;
  #timer: NodeJS.Timeout | undefined;
  #answer: NodeJS.Timeout | undefined;
  #sentMs = Number.NEGATIVE_INFINITY;
  #sentLsn: Lsn = NO_LSN;

  constructor(options: StatusOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.report(), statusIntervalMs(this.#options.walSenderTimeoutMs));
    this.report();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#answer);
    this.#timer = undefined;
    this.#answer = undefined;
  }

  /** The server asked: at once, unless the same was said a moment ago. */
  requested(): void {
    const repeated = performance.now() - this.#sentMs < ANSWER_MS && this.#options.confirmed() === this.#sentLsn;
    if (!repeated) this.report();
    else this.#answer ??= setTimeout(() => this.report(), ANSWER_MS);
  }

  report(): void {
    clearTimeout(this.#answer);
    this.#answer = undefined;
    const lsn = this.#options.confirmed();
    if (lsn === NO_LSN) return; // nothing is known yet, and 0/0 would be taken for a position
    this.#sentMs = performance.now();
    this.#sentLsn = lsn;
    this.#options.send(lsn, this.#options.wantsPing());
  }
}
