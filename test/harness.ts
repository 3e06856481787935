import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, inject } from 'vitest';
import { createDatabase, dropDatabase } from '../src/servers/admin.ts';
import {
  type PostgresOptions,
  type PostgresServer,
  type RedisCluster,
  type RedisOptions,
  type RedisServer,
  startPostgres,
  startRedis,
  startRedisCluster,
} from '../src/servers/index.ts';

/** A Postgres of this test file's own, closed after its tests. Slow (about a second): mostly `useDatabase` will do. */
export async function usePostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const server = await startPostgres(options);
  afterAll(() => server.close());
  return server;
}

/**
 * The URL of an empty database on the server that the whole run shares; dropped after the file's tests, with its slots.
 * Replication slots and roles belong to the server, not to a database: give them names of your own.
 */
export async function useDatabase(): Promise<string> {
  const server = inject('postgresUrl');
  if (server === undefined) throw new Error('name a test file that uses a server x.pg.test.ts or x.e2e.test.ts');
  const url = await createDatabase(server);
  afterAll(() => dropDatabase(server, url));
  return url;
}

/** A Redis of this test file's own, closed after its tests. */
export async function useRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const server = await startRedis(options);
  afterAll(() => server.close());
  return server;
}

/** A Redis Cluster of this test file's own, closed after its tests. */
export async function useRedisCluster(options: { nodes?: number } = {}): Promise<RedisCluster> {
  const cluster = await startRedisCluster(options);
  afterAll(() => cluster.close());
  return cluster;
}

/**
 * Polls every few milliseconds until the condition gives something other than undefined or false, and returns that.
 * Fails with `what` when the time is up; an error that the condition throws counts as "not yet".
 */
export async function until<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  options: { timeoutMs?: number; what: string },
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for ${options.what}`, { cause: last });
    }
    await delay(3);
  }
}
