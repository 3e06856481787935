import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRuleFiles } from '../../src/config/rule-files.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { parseLsn } from '../../src/core/lsn.ts';
import { silent } from '../../src/core/ports.ts';
import type { Done } from '../../src/execute/executor.ts';
import { runRoles } from '../../src/roles/run.ts';
import { setupDatabase } from '../../src/roles/setup.ts';
import type { Tail } from '../../src/roles/tail.ts';
import { loadRules } from '../../src/rules/index.ts';
import { until, useDatabase, useRedis } from '../harness.ts';

/** System 4 on real servers: a writer that knows nothing of the cache, and entries under the keys that the application builds. */
const url = await useDatabase();
const redisServer = await useRedis();
const redis = new Redis(redisServer.url);
const client = new pg.Client(url);
const stopping = new AbortController();
const done: Done[] = [];
let running: Promise<void>;
let tail: Tail | undefined;

interface User {
  readonly tenant: string;
  readonly user: string;
}

const prefs = ({ tenant, user }: User) => `prefs:${encodeURIComponent(tenant)}:${encodeURIComponent(user)}`;
const index = ({ tenant, user }: User) => `contexts:${encodeURIComponent(tenant)}:${encodeURIComponent(user)}`;
const context = ({ tenant, user }: User, hash: string) =>
  `context:${encodeURIComponent(tenant)}:${encodeURIComponent(user)}:${hash}`;
const entries = (user: User) => [prefs(user), context(user, 'h1'), context(user, 'h2')];

async function cache(user: User): Promise<void> {
  await redis.sadd(index(user), context(user, 'h1'), context(user, 'h2'));
  await redis.mset(entries(user).flatMap((key) => [key, 'cached']));
}

/** Resolves when everything written so far is finished. */
async function through(): Promise<void> {
  // A message at the end: without more WAL the server has nothing to tell that would move the watermark.
  const { rows } = await client.query<{ lsn: string }>(`select pg_logical_emit_message(true, 'test', '')::text as lsn`);
  const target = parseLsn(rows[0]?.lsn ?? '');
  await until(() => tail && parseLsn(tail.status().watermarkLsn) >= target, { what: 'the watermark to pass' });
}

/** Does what an application does; resolves when both families of the user are gone. */
async function change(text: string, user: User): Promise<void> {
  await client.query(text, [user.tenant, user.user]);
  await until(async () => (await redis.exists(entries(user))) === 0, {
    what: `the entries of ${JSON.stringify(user)} to go`,
  });
}

const OPERATIONS: readonly string[] = [
  `insert into preferences (tenant, user_id, name, value) values ($1, $2, 'p' || random(), '1')`,
  `update preferences set confidence = random() where tenant = $1 and user_id = $2`,
  `delete from preferences where (tenant, user_id, name) in (select tenant, user_id, min(name) from preferences where tenant = $1 and user_id = $2 group by 1, 2)`,
  `delete from preferences where tenant = $1 and user_id = $2`,
];

beforeAll(async () => {
  await client.connect();
  await client.query(await readFile('rules/preferences/schema.sql', 'utf8'));
  const loaded = loadRules(await readRuleFiles(['rules/preferences']));
  if (!loaded.ruleSet) throw new Error(JSON.stringify(loaded.findings));
  const env = { DATABASE_URL: url, REDIS_URL: redisServer.url, UNSTALE_NAME: `preferences_${process.pid}` };
  const settings = loadSettings(env, {}, ['databaseUrl', 'redisUrl']);
  const { ruleSet, locate } = loaded;
  await setupDatabase(settings, { ruleSet, locate }, { print: false, log: silent });
  running = runRoles(settings, ruleSet, {
    roles: ['tail', 'work'],
    log: silent,
    signal: stopping.signal,
    onDone: (step) => done.push(step),
    onReady: (ready) => {
      tail = ready;
    },
  });
});

afterAll(async () => {
  stopping.abort();
  await running;
  redis.disconnect();
  await client.end();
});

describe('preferences per tenant and user', () => {
  it('create, confidence update, delete and delete-all each touch both families of that user, and nobody else', {
    timeout: 120_000,
  }, async () => {
    const id = fc.oneof(
      fc.constantFrom(
        'a',
        'b',
        'a:b',
        'b:c',
        'c',
        '*',
        '?',
        '[ab]',
        '\\',
        'a*',
        ' ',
        'a b',
        '😀',
        'a%3Ab',
        '{a}',
        'a}',
        "o'neil",
        'prefs',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).filter((text) => !text.includes('\0')),
    );
    const users = fc.uniqueArray(fc.record({ tenant: id, user: id }), {
      minLength: 4,
      maxLength: 8,
      selector: ({ tenant, user }) => JSON.stringify([tenant, user]),
    });
    await fc.assert(
      fc.asyncProperty(users, fc.nat(), async (all, which) => {
        await client.query('delete from preferences');
        for (const user of all) {
          await client.query(
            `insert into preferences (tenant, user_id, name, value) select $1, $2, 'p' || i, '1' from generate_series(1, 5) i`,
            [user.tenant, user.user],
          );
        }
        await through();
        for (const user of all) await cache(user);
        const one = all[which % all.length] ?? { tenant: 'never', user: 'empty' };
        const others = all.filter((user) => user !== one).flatMap((user) => [...entries(user), index(user)]);
        for (const operation of OPERATIONS) {
          await change(operation, one);
          await through();
          expect(await redis.exists(others), `${operation} of ${JSON.stringify(one)}`).toBe(others.length);
          await cache(one);
        }
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  it('delete-all of a user with a thousand preferences is one touch', async () => {
    const user = { tenant: 'acme', user: 'many' };
    await client.query(
      `insert into preferences (tenant, user_id, name, value) select 'acme', 'many', 'p' || i, '1' from generate_series(1, 1000) i`,
    );
    await through();
    await cache(user);
    done.length = 0;
    await change(OPERATIONS[3] ?? '', user);
    await through();
    expect(done.filter(({ rule }) => rule === 'preferences').flatMap(({ keys }) => keys)).toEqual([prefs(user)]);
    expect(done.filter(({ rule }) => rule === 'contexts').flatMap(({ keys }) => keys)).toEqual([index(user)]);
  });

  it('works unchanged with the cache switched off', async () => {
    await redis.del(entries({ tenant: 'acme', user: 'u1' }));
    await client.query(OPERATIONS[0] ?? '', ['acme', 'u1']);
    await through();
    expect(done.some(({ keys }) => keys.includes('prefs:acme:u1'))).toBe(true);
    expect(await redis.exists('prefs:acme:u1', 'contexts:acme:u1')).toBe(0);
  });
});
