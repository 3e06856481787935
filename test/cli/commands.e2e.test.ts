import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until, useDatabase, useRedis } from '../harness.ts';
import { cli, type Finished, startCli } from '../process.ts';

const folder = await mkdtemp(join(tmpdir(), 'unstale-commands-'));
const redisServer = await useRedis();
const redis = new Redis(redisServer.url);
const NAME = `commands_${process.pid}`;
const ROLE = `reader_${process.pid}`;
let client: pg.Client;
let url = '';
let env: Record<string, string> = {};
/** A role that may replicate and read what the rules read, and nothing else: what `run` is documented to need. */
let least: Record<string, string> = {};

const RULES = `
edition: 1
namespace: shop
rules:
  order:
    key: order:\${Id}
    watch: Sales.Order Items
  customer-orders:
    key: customer:\${Customer}:orders
    watch: { Sales.Order Items: [Total] }
  event:
    version: events:\${kind}
    watch: events
tests:
  - name: an order that changes hands touches both customers
    change: { update: Sales.Order Items, row: { Id: 1, Customer: b }, was: { Customer: a } }
    expect: { delete: ['shop:order:1', 'shop:customer:a:orders', 'shop:customer:b:orders'] }
  - name: a test that is wrong says what is missing and what is too much
    change: { insert: events, row: { kind: x } }
    expect: { delete: ['shop:events:x'] }
`;

const SCHEMA = `
create schema "Sales";
create table "Sales"."Order Items" ("Id" int8 primary key, "Customer" text not null, "Total" numeric, "Note" text);
create table events (id int8, kind text not null, at date not null, primary key (id, at)) partition by range (at);
create table events_2026 partition of events for values from ('2026-01-01') to ('2027-01-01');
create table unwatched (id int primary key);
create role ${ROLE} login replication password 'x';
`;

beforeAll(async () => {
  url = await useDatabase();
  client = new pg.Client(url);
  await client.connect();
  await client.query(SCHEMA);
  await writeFile(join(folder, 'rules.yaml'), RULES);
  env = { DATABASE_URL: url, REDIS_URL: redisServer.url, UNSTALE_RULES: folder, UNSTALE_NAME: NAME };
  const mine = new URL(url);
  mine.username = ROLE;
  mine.password = 'x';
  least = { ...env, DATABASE_URL: mine.href };
});

afterAll(async () => {
  redis.disconnect();
  await client.query(`drop owned by ${ROLE}; drop role ${ROLE}`);
  await client.end();
  await rm(folder, { recursive: true, force: true });
});

function fine(finished: Finished): Finished {
  expect(finished.stderr).toBe('');
  expect(finished.code).toBe(0);
  return finished;
}

const gone = (key: string) =>
  until(async () => (await redis.exists(key)) === 0, { what: `${key} to go`, timeoutMs: 20_000 });

describe('the rule files', () => {
  it('are checked without a database, and against one', async () => {
    expect(fine(await cli(['check'], { UNSTALE_RULES: folder })).stdout).toContain('3 rules, 0 errors');
    const finished = await cli(['check', '--database', '--strict', '--json'], env);
    const findings = JSON.parse(finished.stdout);
    const codes = findings.map((finding: { code: string }) => finding.code);
    expect(codes).toContain('RULE_IDENTITY_TOO_SMALL');
    expect(codes).toContain('RULE_TABLE_NOT_PUBLISHED');
    expect(findings[0]).toMatchObject({
      severity: expect.any(String),
      file: expect.any(String),
      line: expect.any(Number),
      column: expect.any(Number),
      message: expect.any(String),
      hint: expect.any(String),
    });
    expect([1, 3]).toContain(finished.code);
  });

  it('run their own tests, with a readable difference', async () => {
    const text = await cli(['test'], { UNSTALE_RULES: folder });
    expect(text.code).toBe(1);
    expect(text.stdout).toContain('1 passed, 1 failed');
    expect(text.stdout).toContain('- delete shop:events:x');
    expect(text.stdout).toContain('+ bump shop:events:x');
    const odd = await cli(['test', `${folder}/.//rules.yaml`]);
    expect(odd.stdout).toContain('1 passed, 1 failed');
    expect((await cli(['test', 'rules/schema.json/../README.md'], { UNSTALE_RULES: folder })).code).not.toBe(0);
    const json = JSON.parse((await cli(['test', '--json', folder])).stdout);
    expect(json).toMatchObject({
      passed: 1,
      failed: 1,
      tests: [{ ok: true }, { ok: false, missing: [{}], extra: [{}] }],
    });
  });

  it('explain a change: which keys, why, and why not the others', async () => {
    const args = [
      'explain',
      '--update',
      'Sales.Order Items',
      '--row',
      '{"Id": 9007199254740993, "Customer": "b"}',
      '--was',
      '{"Customer": "a"}',
    ];
    const { effects, passed } = JSON.parse(fine(await cli([...args, '--json'], { UNSTALE_RULES: folder })).stdout);
    expect(effects.map((one: { verb: string; key: string }) => `${one.verb} ${one.key}`).sort()).toEqual([
      'delete shop:customer:a:orders',
      'delete shop:customer:b:orders',
      'delete shop:order:9007199254740993',
    ]);
    expect(passed).toEqual([{ rule: 'event', because: expect.stringContaining('other tables') }]);
  });

  it('have a JSON Schema, the one that lies in the repository', async () => {
    const { stdout } = fine(await cli(['schema']));
    expect(JSON.parse(stdout)).toEqual(JSON.parse(await readFile('rules/schema.json', 'utf8')));
  });
});

describe('a deployment from setup to teardown', () => {
  it('is set up by the owner, and setting it up again changes nothing', { timeout: 60_000 }, async () => {
    const { stdout } = fine(await cli(['setup', '--print'], env));
    expect(stdout).toContain('replica identity full');
    expect(stdout).toContain('create publication');
    expect((await client.query('select from pg_publication where pubname = $1', [NAME])).rowCount).toBe(0);
    // What is printed can be run by somebody else, a statement at a time.
    const { statements } = JSON.parse(fine(await cli(['setup', '--print', '--json'], env)).stdout);
    for (const statement of statements) await client.query(statement);
    expect(fine(await cli(['setup'], env)).stdout).toContain('nothing to do');
    await cli(['teardown', '--yes'], env);
    fine(await cli(['setup'], env));
    const { rows } = await client.query('select tablename from pg_publication_tables where pubname = $1 order by 1', [
      NAME,
    ]);
    expect(rows).toEqual([{ tablename: 'Order Items' }, { tablename: 'events' }]);
    expect((await cli(['check', '--database', '--strict'], env)).code).toBe(0);
  });

  it('runs with no more than REPLICATION, on quoted names and partitions, and leaves cleanly', {
    timeout: 60_000,
  }, async () => {
    const worker = startCli(['run'], least);
    await redis.mset(
      'shop:order:1',
      'x',
      'shop:customer:a:orders',
      'x',
      'shop:customer:b:orders',
      'x',
      'shop:order:2',
      'x',
    );
    await client.query(`insert into "Sales"."Order Items" values (1, 'a', 10)`);
    await gone('shop:order:1');
    await gone('shop:customer:a:orders');
    await redis.mset('shop:order:1', 'x', 'shop:customer:a:orders', 'x');
    await client.query(`update "Sales"."Order Items" set "Customer" = 'b'`);
    await Promise.all(['shop:order:1', 'shop:customer:a:orders', 'shop:customer:b:orders'].map(gone));
    await redis.mset('shop:order:1', 'x', 'shop:customer:b:orders', 'x');
    await client.query(`update "Sales"."Order Items" set "Note" = 'no rule but order counts this'`);
    await gone('shop:order:1');
    expect(await redis.exists('shop:customer:b:orders', 'shop:order:2')).toBe(2);
    await client.query(`insert into events values (1, 'click', '2026-05-05')`);
    const stamp = await until(async () => (await redis.get('shop:events:click')) ?? undefined, { what: 'a stamp' });
    await client.query(`insert into events values (2, 'click', '2026-05-06')`);
    await until(async () => (await redis.get('shop:events:click')) !== stamp, { what: 'another stamp' });

    const status = await until(
      async () => {
        const found = JSON.parse((await cli(['status', '--json'], env)).stdout);
        return found.rules.order?.keys >= 3 && found;
      },
      { what: 'the figures of the worker', timeoutMs: 20_000 },
    );
    expect(status).toMatchObject({
      slot: { name: NAME, active: true, wal_status: 'reserved', lag_bytes: expect.any(Number) },
      watermark_lsn: expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/),
      queues: { keys: { waiting: 0, failed: 0, paused: false }, sweep: { waiting: 0 } },
      dead: 0,
      gaps: [],
    });
    expect(status.rules.order).toMatchObject({
      changes: expect.any(Number),
      p50_ms: expect.any(Number),
      p99_ms: expect.any(Number),
    });
    expect(status.rules.order.p50_ms).toBeLessThan(1_000);

    const startedMs = performance.now();
    const left = await worker.stop('SIGTERM');
    expect(left.code, left.stderr).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    // A clean stop has confirmed all that was finished: nothing is done twice.
    const { rows } = await client.query(
      `select count(*)::int as waiting from pg_logical_slot_peek_binary_changes($1::name, null, null, 'proto_version', '1', 'publication_names', $1::text) where get_byte(data, 0) = ascii('I')`,
      [NAME],
    );
    expect(rows).toEqual([{ waiting: 0 }]);
  });

  it('shows in a dry run what would be done, and touches nothing', { timeout: 60_000 }, async () => {
    const { REDIS_URL: _, ...withoutRedis } = env;
    const dry = startCli(['run', '--dry-run', '--json'], withoutRedis);
    await redis.set('shop:order:1', 'x');
    await until(
      async () => {
        await client.query(`update "Sales"."Order Items" set "Total" = "Total" + 1 where "Id" = 1`);
        return dry.output.stdout.includes('shop:customer:b:orders');
      },
      { what: 'a line', timeoutMs: 20_000 },
    );
    expect((await dry.stop('SIGTERM')).code).toBe(0);
    const lines = dry.output.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toEqual({
      rule: expect.any(String),
      verb: 'delete',
      key: expect.stringContaining('shop:'),
      lsn: expect.any(String),
    });
    expect(await redis.exists('shop:order:1')).toBe(1);
    const { rows } = await client.query(
      `select slot_name from pg_replication_slots where slot_name like $1 || '_dry%'`,
      [NAME],
    );
    expect(rows).toEqual([]);
  });

  it('splits into a tail and executors of their own', { timeout: 60_000 }, async () => {
    const tail = startCli(['run', '--only', 'tail'], env);
    const work = startCli(['run', '--only', 'work'], env);
    await redis.set('shop:order:1', 'x');
    await client.query(`update "Sales"."Order Items" set "Total" = 5 where "Id" = 1`);
    await gone('shop:order:1');
    expect((await work.stop('SIGTERM')).code).toBe(0);
    expect((await tail.stop('SIGTERM')).code).toBe(0);
  });

  it('makes a slot that is missing, and invalidates every family, since nobody knows what changed', {
    timeout: 60_000,
  }, async () => {
    await until(async () => (await client.query('select pg_drop_replication_slot($1)', [NAME])).rowCount === 1, {
      what: 'the slot to be free',
    });
    await redis.mset(
      'shop:order:77',
      'x',
      'shop:customer:z:orders',
      'x',
      'shop:events:click',
      'x',
      'other:order:77',
      'x',
    );
    const worker = startCli(['run'], least);
    await Promise.all(['shop:order:77', 'shop:customer:z:orders'].map(gone));
    await until(async () => (await redis.get('shop:events:click')) !== 'x', { what: 'another stamp' });
    expect(await redis.get('other:order:77')).toBe('x');
    expect(worker.output.stderr).toContain('the slot was missing');
    await until(async () => (await redis.exists(`{unstale:${NAME}}:owed`)) === 0, {
      what: 'the resync to be finished',
    });
    expect((await worker.stop('SIGTERM')).code).toBe(0);
    // A worker that was killed between making the slot and the end of the resync leaves a note, and the next one goes on.
    await redis.mset(`{unstale:${NAME}}:owed`, 'a slot was made', 'shop:order:78', 'x');
    const next = startCli(['run'], least);
    await gone('shop:order:78');
    await until(async () => (await redis.exists(`{unstale:${NAME}}:owed`)) === 0, {
      what: 'the note to be taken away',
    });
    expect((await next.stop('SIGTERM')).code).toBe(0);
  });

  it('is taken down again', async () => {
    fine(await cli(['teardown', '--yes'], env));
    expect((await client.query('select from pg_replication_slots where slot_name = $1', [NAME])).rowCount).toBe(0);
    expect((await client.query('select from pg_publication where pubname = $1', [NAME])).rowCount).toBe(0);
  });
});

describe('help', () => {
  it('lists every command, and each command shows its options and examples', async () => {
    const { COMMANDS } = await import('../../src/cli/commands/index.ts');
    const overall = fine(await cli(['--help'])).stdout;
    for (const { name, examples } of COMMANDS) {
      expect(overall).toContain(name);
      const { stdout } = fine(await cli([name, '--help']));
      expect(examples.length).toBeGreaterThan(0);
      for (const { command } of examples) expect(stdout).toContain(`$ unstale ${command}`);
    }
  });

  it('knows the version of the package', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    expect(fine(await cli(['--version'])).stdout.trim()).toBe(version);
  });
});
