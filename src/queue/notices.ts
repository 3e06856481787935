import { setImmediate as nextTurn } from 'node:timers/promises';
import { sleep } from '../pace/sleep.ts';
import type { RedisConnection } from '../redis/open.ts';
import { noticesOf } from './names.ts';

/** A tail that is away longer than this has started anew, with another id; nobody will read its list. */
const KEPT_S = 120;
const WAIT_S = 5;
const PAGE = 1_000;

/** The executor's side: tells tails of other processes what is finished. Notices of one moment travel together. */
export class NoticeSender {
  readonly #redis: RedisConnection;
  readonly #name: string;
  #batch: { byTail: Map<string, number[]>; sent: Promise<void> } | undefined;

  constructor(redis: RedisConnection, name: string) {
    this.#redis = redis;
    this.#name = name;
  }

  /** Resolves when the notice is in Redis. */
  send(tail: string, n: number): Promise<void> {
    if (!this.#batch) {
      const byTail = new Map<string, number[]>();
      this.#batch = { byTail, sent: this.#flush(byTail) };
    }
    const { byTail, sent } = this.#batch;
    const numbers = byTail.get(tail);
    if (numbers) numbers.push(n);
    else byTail.set(tail, [n]);
    return sent;
  }

  async #flush(byTail: ReadonlyMap<string, number[]>): Promise<void> {
    await nextTurn();
    this.#batch = undefined;
    await Promise.all(
      [...byTail].flatMap(([tail, numbers]) => {
        const list = noticesOf(this.#name, tail);
        return [this.#redis.client.rpush(list, ...numbers), this.#redis.client.expire(list, KEPT_S)];
      }),
    );
  }
}

/**
 * The tail's side: reads its list until the signal is aborted. `redis` is for this alone, since it blocks. Notices that are
 * lost on the way are made up for by looking the jobs up.
 */
export async function readNotices(
  redis: RedisConnection,
  { list, onFinished, signal }: { list: string; onFinished: (n: number) => void; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    try {
      const first = await redis.client.blpop(list, WAIT_S);
      if (first === null) continue;
      onFinished(Number(first[1]));
      const rest = await redis.client.lpop(list, PAGE);
      for (const n of rest ?? []) onFinished(Number(n));
    } catch {
      // The connection's own log has said it; what was popped and lost is looked up.
      await sleep(500, signal);
    }
  }
}
