import { redisError } from './errors.ts';
import type { RedisConnection } from './open.ts';

/**
 * A note in Redis that a resync is owed, made before the slot is and taken away when all its effects are finished: a
 * worker that is killed in between would otherwise leave what it did not know of in the cache for good.
 */
export interface Owed {
  isOwed(): Promise<boolean>;
  set(reason: string): Promise<void>;
  clear(): Promise<void>;
}

export function createOwed(redis: RedisConnection, deployment: string): Owed {
  const key = `{unstale:${deployment}}:owed`;
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      await redis.ready();
      return await work();
    } catch (error) {
      throw redisError(error, `Redis ${redis.label}`);
    }
  };
  return {
    isOwed: () => attempt(async () => (await redis.client.exists(key)) === 1),
    set: (reason) => attempt(async () => void (await redis.client.set(key, reason))),
    clear: () => attempt(async () => void (await redis.client.del(key))),
  };
}
