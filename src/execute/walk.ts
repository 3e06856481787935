import { setImmediate as breathe } from 'node:timers/promises';
import { UnstaleError } from '../core/errors/index.ts';
import { sleep } from '../pace/sleep.ts';
import { redisError } from '../redis/errors.ts';
import { commonPattern, compileGlob } from '../redis/glob.ts';
import { isClearing, isInternal, type Key, toKey } from '../redis/keys.ts';
import type { RedisConnection, RedisNode } from '../redis/open.ts';
import { fingerprint } from './masters.ts';

/** Keys that one SCAN step looks at: about half a millisecond of the server's time. */
const COUNT = 1_000;
/** Scans that come in a burst should share one walk, and a walk takes far longer than this. */
const GATHER_MS = 20;

interface Wish {
  readonly matches: readonly ((key: string) => boolean)[];
  readonly patterns: readonly string[];
  readonly onKeys: (keys: readonly Key[]) => Promise<void>;
  readonly done: (error?: unknown) => void;
  failed: boolean;
}

/** Walks over all keys of a Redis, gently, for all patterns that wait at once. One walk at a time. */
export class Walker {
  readonly #cache: RedisConnection;
  readonly #stop = new AbortController();
  #waiting: Wish[] = [];
  #walking = false;

  constructor(cache: RedisConnection) {
    this.#cache = cache;
  }

  /** See Hands.walk. A walk takes the patterns that wait when it starts; those that come later wait for the next. */
  walk(patterns: readonly string[], onKeys: Wish['onKeys']): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = patterns.map((pattern) => Buffer.from(pattern).toString('latin1'));
      const done = (error?: unknown): void => (error === undefined ? resolve() : reject(error));
      this.#waiting.push({ patterns: bytes, matches: bytes.map(compileGlob), onKeys, done, failed: false });
      if (!this.#walking) void this.#run();
    });
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    this.#walking = true;
    while (this.#waiting.length > 0) {
      await sleep(GATHER_MS, this.#stop.signal);
      const wishes = this.#waiting;
      this.#waiting = [];
      const error = await this.#whole(wishes);
      for (const wish of wishes) wish.done(error);
    }
    this.#walking = false;
  }

  /**
   * All masters. While a cluster moves slots a key may pass from a node not yet walked to one that was; it is then there
   * for the whole of a second walk.
   */
  async #whole(wishes: readonly Wish[]): Promise<unknown> {
    try {
      const before = await fingerprint(this.#cache);
      await this.#once(wishes);
      const after = await fingerprint(this.#cache);
      if (before.moving || after.moving || before.slots !== after.slots) await this.#once(wishes);
      return undefined;
    } catch (error) {
      return redisError(error, `Redis ${this.#cache.label} (cache)`);
    }
  }

  async #once(wishes: readonly Wish[]): Promise<void> {
    await Promise.all(this.#cache.masters().map((node) => this.#node(node, wishes)));
  }

  async #node(node: RedisNode, wishes: readonly Wish[]): Promise<void> {
    const pattern = serverPattern(wishes);
    let dropped = false;
    const drop = (): void => {
      dropped = true;
    };
    node.once('close', drop);
    try {
      let cursor = '0';
      do {
        if (this.#stop.signal.aborted) throw new UnstaleError('QUEUE_STOPPED', 'The walk was stopped.');
        const { next, found } = readPage(await node.callBuffer('scan', [cursor, 'MATCH', pattern, 'COUNT', COUNT]));
        // A cursor means nothing to another server, or to the same one after a restart.
        if (dropped) throw new UnstaleError('REDIS_UNREACHABLE', 'The connection broke in the middle of a walk.');
        cursor = next;
        await deal(found, wishes);
        await breathe();
      } while (cursor !== '0');
    } finally {
      node.off('close', drop);
    }
  }
}

/** One pattern is matched by the server; of several it can match what they have in common. */
function serverPattern(wishes: readonly Wish[]): Buffer {
  const patterns = new Set(wishes.flatMap((wish) => wish.patterns));
  const [only] = patterns;
  return Buffer.from(patterns.size === 1 && only !== undefined ? only : commonPattern([...patterns]), 'latin1');
}

/** The typed command takes no bytes for a pattern. */
function readPage(reply: unknown): { next: string; found: readonly Buffer[] } {
  const [next, found] = Array.isArray(reply) ? reply : [];
  return { next: String(next), found: Array.isArray(found) ? found : [] };
}

/** Gives each wish its keys of a page. One that fails drops out and does not stop the others. */
async function deal(found: readonly Buffer[], wishes: readonly Wish[]): Promise<void> {
  if (found.length === 0) return;
  const page = found
    .map((bytes) => ({ text: bytes.toString('latin1'), key: toKey(bytes) }))
    .filter(({ key }) => !isInternal(key) && !isClearing(key));
  await Promise.all(
    wishes.map(async (wish) => {
      const keys = page.filter(({ text }) => wish.matches.some((matches) => matches(text))).map(({ key }) => key);
      if (keys.length === 0 || wish.failed) return;
      try {
        await wish.onKeys(keys);
      } catch (error) {
        wish.failed = true;
        wish.done(error);
      }
    }),
  );
}
