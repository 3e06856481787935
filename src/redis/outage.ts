import { messageOf, UnstaleError } from '../core/errors/index.ts';
import type { Log } from '../core/ports.ts';

const REPEAT_MS = 30_000;

/** Logs an outage once when it begins, seldom while it lasts, once when it is over. */
export class OutageLog {
  readonly #log: Log;
  readonly #what: string;
  #since = 0;
  #saidAt = 0;
  #saidCode = '';

  /** `what`: who is away, for the field `server`. */
  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what;
  }

  failed(error: unknown): void {
    const now = Date.now();
    this.#since ||= now;
    const code = error instanceof UnstaleError ? error.code : '';
    if (code === this.#saidCode && now - this.#saidAt < REPEAT_MS) return;
    this.#saidAt = now;
    this.#saidCode = code;
    const hint = error instanceof UnstaleError ? { hint: error.hint } : {};
    const fields = { server: this.#what, code, error: messageOf(error), ...hint, sinceMs: now - this.#since };
    this.#log.warn(fields, 'Redis fails; trying again until it answers');
  }

  worked(): void {
    if (this.#since === 0) return;
    this.#log.info({ server: this.#what, outageMs: Date.now() - this.#since }, 'Redis answers again');
    this.#since = 0;
    this.#saidCode = '';
  }
}
