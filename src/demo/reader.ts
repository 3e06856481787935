import { randomUUID } from 'node:crypto';
import { leaseOf, type RedisConnection } from '../redis/index.ts';
import type { Cache } from './system.ts';

/** How long a reader may take to load; after that its lease is void. */
const LEASE_MS = 10_000;

/** Stores the value only while the lease is there with our token: an invalidation meanwhile has deleted it. */
const FILL = `
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

export interface CountingCache extends Cache {
  readonly counts: { hits: number; misses: number };
}

/**
 * A cache-aside reader as an application would write it. It takes a lease before it loads, so that a slow load cannot
 * bring back what was deleted meanwhile.
 */
export function createCache({ client }: RedisConnection): CountingCache {
  const counts = { hits: 0, misses: 0 };
  return {
    counts,
    async get(key, { ttlMs, index }, load) {
      const cached = await client.get(key);
      // An entry that its index does not know would not be found by a clear of the index.
      if (cached !== null && (index === undefined || (await client.sismember(index, key)) === 1)) {
        counts.hits++;
        return cached;
      }
      counts.misses++;
      const [lease, token] = [leaseOf(key), randomUUID()];
      await client.set(lease, token, 'PX', LEASE_MS);
      const value = await load();
      if (index !== undefined) await client.sadd(index, key);
      await client.eval(FILL, 2, key, lease, token, value, ttlMs);
      return value;
    },
  };
}
