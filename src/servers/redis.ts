import { borrowedRedis } from './borrowed.ts';
import { containerRedis } from './containers.ts';
import { startLocalRedis } from './redis-local.ts';
import type { RedisProgram } from './redis-program.ts';
import { embeddedRedis, installedRedis } from './redis-programs.ts';
import type { RedisServer } from './server.ts';

export interface RedisOptions {
  /** Arguments of redis-server, such as `['--maxmemory-policy', 'allkeys-lru']`. Without any, nothing is persisted. */
  readonly args?: readonly string[];
}

/**
 * Starts a Redis: the one that UNSTALE_TEST_REDIS_URL names, else a container where an engine answers, else a
 * program on this machine, else an embedded one. Throws an UnstaleError SERVERS_… when none can be had.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const args = options.args ?? [];
  const url = process.env.UNSTALE_TEST_REDIS_URL;
  // A server that is somebody's cannot be given arguments, so those who ask for some get one of their own.
  if (url && args.length === 0) return borrowedRedis(url);
  const contained = await containerRedis(args);
  if ('server' in contained) return contained.server;
  return startLocalRedis(await redisProgram(), args);
}

/** A Redis program of this machine, or one that was fetched. */
export async function redisProgram(): Promise<RedisProgram> {
  const installed = await installedRedis();
  return 'path' in installed ? installed : embeddedRedis();
}
