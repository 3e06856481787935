import { messageOf, UnstaleError } from '../core/errors/index.ts';
import { createDatabase, dropDatabase, sql } from './admin.ts';
import { ask, fieldOf } from './redis-wire.ts';
import type { PostgresServer, RedisServer } from './server.ts';

/** The server at UNSTALE_TEST_DATABASE_URL. Databases are created on it, and dropped again by `close`. */
export async function borrowedPostgres(url: string): Promise<PostgresServer> {
  const variable = 'UNSTALE_TEST_DATABASE_URL';
  const [row] = await sql(url, 'show server_version_num').catch((error: unknown) => {
    throw unreachable(variable, url, error);
  });
  const created: string[] = [];
  const refuse = () => refusal(variable);
  return {
    url,
    port: Number(new URL(url).port || 5432),
    version: Math.floor(Number(row?.server_version_num) / 10_000),
    source: `Postgres at ${hostOf(url)}, from ${variable}`,
    async createDatabase(name) {
      const database = await createDatabase(url, name);
      created.push(database);
      return database;
    },
    stop: refuse,
    start: refuse,
    kill: refuse,
    async close() {
      for (const database of created.splice(0)) await dropDatabase(url, database);
    },
  };
}

/** How long a numbered database stays taken when whoever took it died without giving it back. */
const LEASE_SECONDS = 1_800;

/**
 * The server at UNSTALE_TEST_REDIS_URL. It is shared, so each user gets one of its numbered databases, empty, and
 * notes in database 0 that it is taken.
 */
export async function borrowedRedis(url: string): Promise<RedisServer> {
  const variable = 'UNSTALE_TEST_REDIS_URL';
  const refuse = () => refusal(variable);
  const [info] = await ask(url, ['INFO', 'server']).catch((error: unknown) => {
    throw unreachable(variable, url, error);
  });
  const number = await takeDatabase(url, variable);
  const own = new URL(url);
  own.pathname = `/${number}`;
  await ask(own.href, ['FLUSHDB']);
  return {
    url: own.href,
    port: Number(own.port || 6379),
    version: fieldOf(info, 'redis_version') ?? 'unknown',
    source: `Redis at ${hostOf(url)}, from ${variable}`,
    stop: refuse,
    start: refuse,
    kill: refuse,
    async close() {
      await ask(own.href, ['FLUSHDB']);
      await ask(inDatabase0(url), ['DEL', lockOf(number)]);
    },
  };
}

async function takeDatabase(url: string, variable: string): Promise<number> {
  for (let number = 1; number < 16; number++) {
    const request = ['SET', lockOf(number), String(process.pid), 'NX', 'EX', String(LEASE_SECONDS)];
    const [answer] = await ask(inDatabase0(url), request);
    if (answer === 'OK') return number;
  }
  throw new UnstaleError('SERVERS_UNREACHABLE', `all databases from 1 to 15 of the server at ${variable} are taken`, {
    hint: 'Wait until the other tests have ended, or delete its keys unstale:test:* in database 0.',
  });
}

function lockOf(number: number): string {
  return `unstale:test:${number}`;
}

function inDatabase0(url: string): string {
  const first = new URL(url);
  first.pathname = '/0';
  return first.href;
}

/** Never the user and password of a URL. */
function hostOf(url: string): string {
  return new URL(url).host;
}

function unreachable(variable: string, url: string, error: unknown): UnstaleError {
  const host = URL.canParse(url) ? hostOf(url) : 'something that is not a URL';
  return new UnstaleError(
    'SERVERS_UNREACHABLE',
    `${variable} names ${host}, which does not answer: ${messageOf(error)}`,
  );
}

function refusal(variable: string): Promise<never> {
  return Promise.reject(
    new UnstaleError('SERVERS_BORROWED', `the server that ${variable} names is not stopped, started or killed`),
  );
}
