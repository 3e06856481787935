import { redisError } from './errors.ts';
import type { RedisConnection } from './open.ts';

/** Figures that each process of a deployment leaves where `status` finds them: a hash with a field a process. */
export interface Boards {
  /** Writes this process's board. */
  post(board: object): Promise<void>;
  /** Takes it away: the process ends. */
  remove(): Promise<void>;
}

/** A process that has not posted for so long is gone. */
const FORGET_MS = 30_000;

const nameOf = (deployment: string): string => `{unstale:${deployment}}:boards`;

export function createBoards(redis: RedisConnection, deployment: string, process: string): Boards {
  return {
    post: (board) =>
      attempt(redis, () =>
        redis.client.hset(nameOf(deployment), process, JSON.stringify({ ...board, atMs: Date.now() })),
      ),
    remove: () => attempt(redis, () => redis.client.hdel(nameOf(deployment), process)),
  };
}

/** The boards of the processes that live, newest first. What is not JSON is left out; what is dead is cleared away. */
export async function readBoards(redis: RedisConnection, deployment: string): Promise<readonly unknown[]> {
  const found: { atMs: number }[] = [];
  await attempt(redis, async () => {
    for (const [process, text] of Object.entries(await redis.client.hgetall(nameOf(deployment)))) {
      const board = parse(text);
      if (board && Date.now() - board.atMs < FORGET_MS) found.push(board);
      else await redis.client.hdel(nameOf(deployment), process);
    }
  });
  return found.sort((a, b) => b.atMs - a.atMs);
}

function parse(text: string): { atMs: number } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('atMs' in value)) return undefined;
    return typeof value.atMs === 'number' ? { ...value, atMs: value.atMs } : undefined;
  } catch {
    return undefined; // not ours
  }
}

async function attempt(redis: RedisConnection, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw redisError(error, `Redis ${redis.label}`);
  }
}
