import { randomUUID } from 'node:crypto';
import { messageOf } from '../core/errors/index.ts';
import type { Log, Sql } from '../core/ports.ts';
import { MESSAGE_PREFIX } from './assemble.ts';

export interface HeartbeatOptions {
  readonly sql: Sql;
  readonly log: Log;
  readonly everyMs: number;
  readonly publication: string;
  /** Told at each beat: the oid of the publication, `undefined` if there is none. */
  readonly onPublication: (oid: number | undefined) => void;
}

/**
 * Writes a logical message every now and then: it moves the slot on where nobody else writes, and its echo in the
 * stream tells the lag by our own clock alone, so it is never negative.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  /** Tells our echoes from those of other instances. */
  readonly #id = randomUUID();
  /** Sent and not yet echoed: number of the beat to when it was written. Oldest first. */
  readonly #waiting = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #beat = 0;
  #writing = false;
  #failed = false;
  #lagMs: number | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Milliseconds by which the stream is behind; `undefined` until the first echo. */
  get lagMs(): number | undefined {
    const [oldest] = this.#waiting.values();
    const least = oldest === undefined ? 0 : performance.now() - oldest;
    return this.#lagMs === undefined ? undefined : Math.max(this.#lagMs, least);
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#write(), this.#options.everyMs);
    void this.#write();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#waiting.clear();
  }

  /** A message of ours came in. */
  echo(content: string): void {
    const [id, beat] = content.split(' ');
    if (id !== this.#id) return;
    for (const [sent, atMs] of this.#waiting) {
      if (sent > Number(beat)) break;
      this.#lagMs = performance.now() - atMs;
      this.#waiting.delete(sent);
    }
  }

  /** A beat that cannot be written is not an error: the stream itself shows whether the server is there. */
  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    const beat = ++this.#beat;
    this.#waiting.set(beat, performance.now());
    const { sql, log, publication, onPublication } = this.#options;
    try {
      const [row] = await sql.query<{ oid: string | null }>(BEAT, [MESSAGE_PREFIX, `${this.#id} ${beat}`, publication]);
      if (this.#timer) onPublication(row?.oid ? Number(row.oid) : undefined);
      this.#failed = false;
    } catch (error) {
      this.#waiting.delete(beat);
      if (!this.#failed) log.warn({ error: messageOf(error) }, 'the heartbeat cannot be written');
      this.#failed = true;
    } finally {
      this.#writing = false;
    }
  }
}

/**
 * The message stands outside of the transaction, so it takes no transaction id and waits for no standby; the WAL writer
 * flushes it within its delay (200 ms). The publication is looked up on the way: since Postgres 18 the server goes on
 * without it, and says so to nobody.
 */
const BEAT = `
  select pg_logical_emit_message(false, $1, $2::text),
    (select oid::bigint::text from pg_publication where pubname = $3) as oid`;
