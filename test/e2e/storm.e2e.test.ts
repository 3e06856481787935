import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, expect, it } from 'vitest';
import { createCache } from '../../src/demo/reader.ts';
import { openRedis, type RedisConnection } from '../../src/redis/index.ts';
import { until, useDatabase, useRedis } from '../harness.ts';
import { cli, startCli } from '../process.ts';
import { randomFrom } from '../random.ts';

const TRANSACTIONS = 20_000;
const WRITERS = 4;
const KILLS = 5;

/** Texts that break naive key building: separators, glob characters, escapes, emoji, a prefix of another. */
const OWNERS = ['a', 'a:b', '*', '[ab]', '?', 'a*', '\\', 'käse 🧀', ' ', 'ab', "o'neil", '${owner}', '{tag}'];
/** Above 2^53: a JavaScript number would lose the last digit. */
const FIRST_ID = 9_007_199_254_740_993n;
const IDS = 300;
const UNTOUCHED = 200;

const RULES = `
edition: 1
rules:
  account:
    key: account:\${id}
    watch: accounts
  owner-accounts:
    key: owner:\${owner}:accounts
    watch: { accounts: [owner, name] }
  note:
    key: note:\${tenant}:\${id}
    watch: notes
  tenant-notes:
    key: notes:\${tenant}
    watch: notes
`;

const SCHEMA = `
create table accounts (id int8 primary key, owner text not null, name text not null, logins int8 not null default 0);
create table notes (tenant text, id int8, body text, primary key (tenant, id));
insert into accounts select ${FIRST_ID} + i, 'quiet ' || i % 20, 'n' || i from generate_series(100000, ${100_000 + UNTOUCHED - 1}) i;
`;

/** What each cached value is made of: the application's own queries. */
const LOADS: readonly { prefix: RegExp; sql: string }[] = [
  { prefix: /^account:(.*)$/s, sql: 'select to_jsonb(a)::text as v from accounts a where id = $1::int8' },
  {
    prefix: /^owner:(.*):accounts$/s,
    sql: `select jsonb_agg(jsonb_build_array(id::text, name) order by id)::text as v from accounts where owner = $1`,
  },
  { prefix: /^note:(.*):(\d+)$/s, sql: 'select body as v from notes where tenant = $1 and id = $2::int8' },
  { prefix: /^notes:(.*)$/s, sql: 'select jsonb_agg(body order by id)::text as v from notes where tenant = $1' },
];

const random = randomFrom(Number(process.env.UNSTALE_TEST_SEED ?? Date.now() % 1_000_000));
const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
const anId = () => FIRST_ID + BigInt(Math.floor(random.next() * IDS));

async function load(pool: pg.Pool, key: string): Promise<string> {
  for (const { prefix, sql } of LOADS) {
    const parts = prefix.exec(key);
    if (parts) return (await pool.query<{ v: string | null }>(sql, parts.slice(1))).rows[0]?.v ?? 'none';
  }
  throw new Error(`no load for ${key}`);
}

function aKey(): string {
  const keys = [
    `account:${anId()}`,
    `owner:${pick(OWNERS)}:accounts`,
    `note:${pick(OWNERS)}:${anId()}`,
    `notes:${pick(OWNERS)}`,
  ];
  return pick(keys);
}

async function change(client: pg.Client): Promise<void> {
  const dice = random.next();
  if (dice < 0.25) {
    await client.query(
      'insert into accounts values ($1, $2, $3) on conflict (id) do update set owner = excluded.owner, name = excluded.name',
      [anId(), pick(OWNERS), `n${random.next()}`],
    );
  } else if (dice < 0.35) await client.query('update accounts set logins = logins + 1 where id = $1', [anId()]);
  else if (dice < 0.45) await client.query('update accounts set owner = $2 where id = $1', [anId(), pick(OWNERS)]);
  else if (dice < 0.55) {
    await client.query(
      'update accounts set id = $2 where id = $1 and not exists (select from accounts where id = $2)',
      [anId(), anId()],
    );
  } else if (dice < 0.65) await client.query('delete from accounts where id = $1', [anId()]);
  else if (dice < 0.995) {
    await client.query(
      'insert into notes values ($1, $2, $3) on conflict (tenant, id) do update set body = excluded.body',
      [pick(OWNERS), anId(), `b${random.next()}`],
    );
  } else await client.query('truncate notes');
}

/** One transaction of one to three changes; some are rolled back, whole or to a savepoint. Deadlocks count as rolled back. */
async function transaction(client: pg.Client): Promise<void> {
  const fate = random.next();
  try {
    await client.query('begin');
    await change(client);
    if (fate < 0.1) {
      await client.query('savepoint s');
      await change(client);
      await client.query('rollback to savepoint s');
    }
    if (fate > 0.7) await change(client);
    await client.query(fate > 0.95 ? 'rollback' : 'commit');
  } catch (error) {
    await client.query('rollback');
    if (!/deadlock|duplicate key/.test(String(error))) throw error;
  }
}

async function reading(redis: RedisConnection, pool: pg.Pool, done: () => boolean): Promise<number> {
  const cache = createCache(redis);
  while (!done()) {
    const key = aKey();
    await cache.get(key, { ttlMs: 600_000 }, () => load(pool, key));
  }
  return cache.counts.hits;
}

const folder = await mkdtemp(join(tmpdir(), 'unstale-storm-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

it('after 20,000 transactions by four writers and five SIGKILLs nothing cached is stale, and nothing untouched is gone', {
  timeout: 240_000,
}, async () => {
  const url = await useDatabase();
  const server = await useRedis();
  await writeFile(join(folder, 'rules.yaml'), RULES);
  const env = { DATABASE_URL: url, REDIS_URL: server.url, UNSTALE_RULES: folder, UNSTALE_NAME: `storm_${process.pid}` };
  const pool = new pg.Pool({ connectionString: url, max: 8 });
  await pool.query(SCHEMA);
  const setup = await cli(['setup', '--json'], env);
  expect(setup.code, setup.stderr).toBe(0);

  const connection = openRedis(server.url, { role: 'cache' });
  await connection.ready();
  const redis = connection.client;
  const untouched = Array.from({ length: UNTOUCHED }, (_, i) => `account:${FIRST_ID + 100_000n + BigInt(i)}`);
  for (let i = 0; i < 20; i++) untouched.push(`owner:quiet ${i}:accounts`);
  for (const key of untouched) await redis.set(key, await load(pool, key));

  let worker = startCli(['run'], env);
  let written = 0;
  let kills = 0;
  const writers = Array.from({ length: WRITERS }, async () => {
    const client = new pg.Client(url);
    await client.connect();
    while (written < TRANSACTIONS) {
      written++;
      await transaction(client);
    }
    await client.end();
  });
  const writing = Promise.all(writers);
  let over = false;
  const readers = [reading(connection, pool, () => over), reading(connection, pool, () => over)];
  for (kills = 1; kills <= KILLS; kills++) {
    const share = (TRANSACTIONS * kills) / (KILLS + 1);
    await until(() => written >= share, { what: `${share} transactions`, timeoutMs: 120_000 });
    await worker.stop('SIGKILL');
    worker = startCli(['run'], env);
  }
  await writing;

  const { rows } = await pool.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
  await until(
    async () => {
      if (worker.child.exitCode !== null) throw new Error(`the worker ended: ${worker.output.stderr}`);
      const { rows: slots } = await pool.query<{ done: boolean }>(
        'select confirmed_flush_lsn >= $1::pg_lsn as done from pg_replication_slots where slot_name = $2',
        [rows[0]?.lsn, env.UNSTALE_NAME],
      );
      return slots[0]?.done;
    },
    { what: 'everything confirmed', timeoutMs: 60_000 },
  );

  // Readers went on all the while, so that whatever they brought back wrongly is there to be found.
  over = true;
  const hits = (await Promise.all(readers)).reduce((sum, count) => sum + count, 0);

  const keys = (await redis.keys('*')).filter((key) => LOADS.some(({ prefix }) => prefix.test(key)));
  const stale: string[] = [];
  for (const key of keys) {
    const [cached, fresh] = [await redis.get(key), await load(pool, key)];
    if (cached !== null && cached !== fresh) stale.push(`${key}: ${cached} <> ${fresh}`);
  }
  expect(stale, `seed ${random.seed}`).toEqual([]);
  const gone = (await Promise.all(untouched.map((key) => redis.exists(key)))).filter((there) => there === 0).length;
  expect(gone).toBe(0);
  // The storm was one: entries were cached, hit, and there to be compared.
  expect(hits).toBeGreaterThan(1_000);
  expect(keys.length).toBeGreaterThan(UNTOUCHED + 50);

  expect((await worker.stop('SIGTERM')).code).toBe(0);
  connection.close();
  await pool.end();
});
