/** What a silence of the server means. `ping`: ask it for a sign of life. */
export type Verdict = 'fine' | 'ping' | 'dead';

/** Where the server has no `wal_sender_timeout`. */
const DEFAULT_TIMEOUT_MS = 60_000;

/** After so much silence a connection is taken for dead: twice what the server itself would wait. */
export function deadAfterMs(walSenderTimeoutMs: number): number {
  return 2 * (walSenderTimeoutMs > 0 ? walSenderTimeoutMs : DEFAULT_TIMEOUT_MS);
}

export interface Tick {
  readonly elapsedMs: number;
  readonly tickMs: number;
  /** Something came in since the last tick. */
  readonly heard: boolean;
  /** We do not read ourselves. */
  readonly paused: boolean;
}

/**
 * How long the server has been silent, after one more tick. A tick that came late (our own process was busy) counts as
 * two at most: what came in meanwhile has not been read yet.
 */
export function silence(silentMs: number, tick: Tick): number {
  return tick.heard || tick.paused ? 0 : silentMs + Math.min(tick.elapsedMs, 2 * tick.tickMs);
}

export function verdict(silentMs: number, deadMs: number): Verdict {
  if (silentMs >= deadMs) return 'dead';
  return silentMs >= deadMs / 6 ? 'ping' : 'fine';
}

export interface WatchdogOptions {
  readonly deadMs: number;
  readonly paused: () => boolean;
  readonly onDead: (silentMs: number) => void;
}

/** Notices a network that went away without a word: a half-open connection gives no error for hours. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #tickMs: number;
  #timer: NodeJS.Timeout | undefined;
  #lastTickMs = 0;
  #silentMs = 0;
  #heard = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#tickMs = Math.min(1000, options.deadMs / 12);
  }

  /** Something came in. */
  heard(): void {
    this.#heard = true;
  }

  /** Is it time to ask the server for a sign of life? */
  get wantsPing(): boolean {
    return verdict(this.#silentMs, this.#options.deadMs) === 'ping';
  }

  start(): void {
    this.#lastTickMs = performance.now();
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = performance.now();
    const elapsedMs = now - this.#lastTickMs;
    this.#lastTickMs = now;
    const { deadMs, paused, onDead } = this.#options;
    this.#silentMs = silence(this.#silentMs, {
      elapsedMs,
      tickMs: this.#tickMs,
      heard: this.#heard,
      paused: paused(),
    });
    this.#heard = false;
    if (verdict(this.#silentMs, deadMs) !== 'dead') return;
    this.stop();
    onDead(this.#silentMs);
  }
}
