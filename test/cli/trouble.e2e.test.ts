import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until, useDatabase, usePostgres, useRedis } from '../harness.ts';
import { cli, startCli } from '../process.ts';

const folder = await mkdtemp(join(tmpdir(), 'unstale-trouble-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

const RULES = 'edition: 1\nrules:\n  country:\n    key: country:${code}\n    watch: countries\n';
const TABLE = 'create table countries (code text primary key, name text)';

let url = '';
let count = 0;
let redis: Awaited<ReturnType<typeof useRedis>>;
const rules = join(folder, 'rules.yaml');

beforeAll(async () => {
  await writeFile(rules, RULES);
  url = await useDatabase();
  // It keeps what it holds over a restart, so that what was not deleted is still there.
  redis = await useRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  await query(url, TABLE);
});

async function query(to: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client(to);
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

const settings = (more: Record<string, string> = {}) => ({
  DATABASE_URL: url,
  REDIS_URL: redis.url,
  UNSTALE_RULES: rules,
  UNSTALE_NAME: `trouble_${process.pid}_${count++}`,
  ...more,
});

/** One clear error: a code, a hint, the exit code; no stack trace. */
function expectError(finished: { code: number | null; stderr: string }, code: string, exit: number): void {
  expect(finished.stderr).toContain(code);
  expect(finished.stderr).toMatch(/hint/);
  expect(finished.stderr).not.toMatch(/\n\s+at /);
  expect(finished.code).toBe(exit);
}

describe('wrong usage', () => {
  it('names every wrong setting at once and exits with 2', async () => {
    const finished = await cli(['run'], { UNSTALE_NAME: 'No Good', UNSTALE_BATCH: 'many', UNSTALE_RULES: rules });
    expectError(finished, 'SETTINGS_INVALID', 2);
    for (const name of ['DATABASE_URL', 'REDIS_URL', 'UNSTALE_NAME', 'UNSTALE_BATCH'])
      expect(finished.stderr).toContain(name);
  });

  it('of a command, an option or an argument exits with 2 and says what is known', async () => {
    const unknown = await cli(['rnu']);
    expectError(unknown, 'USAGE', 2);
    expect(unknown.stderr).toContain('run');
    expectError(await cli(['run', '--onyl', 'tail']), 'USAGE', 2);
    const nothing = await cli([]);
    expect(nothing.stderr).toContain('Usage: unstale');
    expect(nothing.code).toBe(2);
    expectError(await cli(['run', '--only', 'everything']), 'USAGE', 2);
    expectError(await cli(['explain', '--update', 'countries'], { UNSTALE_RULES: rules }), 'USAGE', 2);
  });

  it('is answered as JSON where that was asked for', async () => {
    const finished = await cli(['check', '--json'], { UNSTALE_RULES: join(folder, 'nowhere') });
    expect(JSON.parse(finished.stderr)).toMatchObject({ code: 'RULES_NOT_FOUND', hint: expect.any(String) });
    expect(finished.code).toBe(2);
  });

  it('shows a stack trace only when asked to', async () => {
    const finished = await cli(['check', '--trace'], { UNSTALE_RULES: join(folder, 'nowhere') });
    expect(finished.stderr).toMatch(/\n\s+at /);
  });
});

describe('a database that does not fit', () => {
  it('without logical WAL is refused with the statement that mends it', async () => {
    const server = await usePostgres({ settings: { wal_level: 'replica' } });
    await query(server.url, TABLE);
    const finished = await cli(['setup'], settings({ DATABASE_URL: server.url }));
    expectError(finished, 'WAL_LEVEL_NOT_LOGICAL', 1);
    expect(finished.stderr).toContain('wal_level = logical');
  });

  it('whose role may not replicate is refused with the statement that mends it', async () => {
    const role = `plain_${process.pid}`;
    await query(url, `create role ${role} login password 'x'`);
    const mine = new URL(url);
    mine.username = role;
    mine.password = 'x';
    const finished = await cli(['run'], settings({ DATABASE_URL: mine.href }));
    await query(url, `drop role ${role}`);
    expectError(finished, 'REPLICATION_NOT_ALLOWED', 1);
    expect(finished.stderr).toContain(`alter role "${role}" replication`);
  });

  it('without the publication is refused', async () => {
    expectError(await cli(['run'], settings()), 'PUBLICATION_MISSING', 1);
  });

  it('whose publication lacks a table that the role may not add is refused with the SQL for its owner', async () => {
    const role = `lean_${process.pid}`;
    await query(url, `create role ${role} login replication password 'x'`);
    await query(url, 'create table cities (code text primary key)');
    const mine = new URL(url);
    mine.username = role;
    mine.password = 'x';
    const env = settings();
    expect((await cli(['setup'], env)).code).toBe(0);
    const more = join(folder, 'more.yaml');
    await writeFile(more, RULES.replace('watch: countries', 'watch: [countries, cities]'));
    const finished = await cli(['run'], { ...env, DATABASE_URL: mine.href, UNSTALE_RULES: more });
    await cli(['teardown', '--yes'], env);
    await query(url, `drop role ${role}`);
    expectError(finished, 'TABLES_NOT_PUBLISHED', 1);
    expect(finished.stderr).toContain('add table only "public"."cities"');
  });

  it('that lacks a table or a column of the rules is refused by setup and check, with the nearest name', async () => {
    const wrong = join(folder, 'wrong.yaml');
    await writeFile(wrong, RULES.replace('watch: countries', 'watch: { countrys: , countries: [nmae] }'));
    for (const command of [['setup'], ['check', '--database']]) {
      const finished = await cli(command, settings({ UNSTALE_RULES: wrong }));
      const shown = finished.stderr + finished.stdout;
      expect(shown).toContain('RULE_UNKNOWN_TABLE');
      expect(shown).toContain('public.countries');
      expect(shown).toContain('RULE_UNKNOWN_COLUMN');
      expect(shown).toContain('name');
      expect(shown).toMatch(/wrong\.yaml:\d+:\d+/);
      expect(finished.code).toBe(1);
    }
  });

  it('that cannot be reached is named without its password', async () => {
    const finished = await cli(['setup'], settings({ DATABASE_URL: 'postgres://me:hush@127.0.0.1:1/db' }));
    expectError(finished, 'DATABASE_UNREACHABLE', 1);
    expect(finished.stderr).not.toContain('hush');
  });

  it('behind a transaction pooler is refused', async () => {
    const pooler = await startPooler(url);
    const through = new URL(url);
    through.host = `127.0.0.1:${pooler.port}`;
    const finished = await cli(['setup'], settings({ DATABASE_URL: through.href }));
    pooler.server.close();
    expectError(finished, 'DATABASE_POOLED', 1);
  });
});

describe('a Redis that does not fit', () => {
  it('since its number does not exist or its password is wrong, ends the worker instead of another database being used', async () => {
    const env = settings();
    expect((await cli(['setup'], env)).code).toBe(0);
    expectError(
      await cli(['run'], { ...env, REDIS_URL: `${redis.url.replace(/\/$/, '')}/99` }),
      'REDIS_NO_SUCH_DATABASE',
      1,
    );
    const locked = await useRedis({ args: ['--requirepass', 'right'] });
    const wrong = new URL(locked.url);
    wrong.password = 'wrong-one';
    const finished = await cli(['run'], { ...env, REDIS_URL: wrong.href });
    expectError(finished, 'REDIS_AUTH', 1);
    expect(finished.stderr).not.toContain('wrong-one');
    expect((await cli(['teardown', '--yes'], env)).code).toBe(0);
  });
});

describe('a gap', () => {
  it('halts the worker where that was asked for', async () => {
    const env = settings();
    expect((await cli(['setup'], env)).code).toBe(0);
    await query(url, `select pg_drop_replication_slot('${env.UNSTALE_NAME}')`);
    expectError(await cli(['run', '--on-gap', 'halt'], env), 'SLOT_MISSING', 1);
    expect((await cli(['teardown', '--yes'], env)).code).toBe(0);
  });
});

describe('rules that do not fit the database', () => {
  it('stop the worker before it touches anything', async () => {
    const env = settings();
    expect((await cli(['setup'], env)).code).toBe(0);
    const wrong = join(folder, 'unfit.yaml');
    await writeFile(wrong, RULES.replace('${code}', '${cod}'));
    expectError(await cli(['run'], { ...env, UNSTALE_RULES: wrong }), 'RULE_UNBOUND_PLACEHOLDER', 1);
    const bare = join(folder, 'bare.yaml');
    await query(url, 'create table bare (code text)');
    await writeFile(bare, RULES.replace('watch: countries', 'watch: bare'));
    expectError(await cli(['run'], { ...env, UNSTALE_RULES: bare }), 'RULE_NO_IDENTITY', 1);
    await query(url, `insert into bare values ('x'); update bare set code = 'y'`);
    expect((await cli(['teardown', '--yes'], env)).code).toBe(0);
  });
});

describe('a worker in trouble', () => {
  it('stands by while another holds the slot, and takes over when it is free', { timeout: 60_000 }, async () => {
    const env = settings();
    expect((await cli(['setup'], env)).code).toBe(0);
    const first = startCli(['run'], env);
    await until(() => invalidated('first'), { what: 'the first worker to invalidate', timeoutMs: 20_000 });
    const second = startCli(['run'], env);
    await until(() => second.output.stderr.includes('SLOT_IN_USE'), { what: 'a warning', timeoutMs: 20_000 });
    expect(second.output.stderr).toMatch(/hint/);
    const left = await first.stop('SIGTERM');
    expect(left.code, left.stderr).toBe(0);
    await until(() => invalidated('second'), { what: 'the second worker to invalidate' });
    expectError(await cli(['teardown', '--yes'], env), 'SLOT_IN_USE', 1);
    expect((await second.stop('SIGTERM')).code).toBe(0);
    expect((await cli(['teardown', '--yes'], env)).code).toBe(0);
  });

  it('waits for a Redis that is away at the start and in the middle, and loses nothing', {
    timeout: 90_000,
  }, async () => {
    const env = settings();
    expect((await cli(['setup'], env)).code).toBe(0);
    await cache('be');
    await redis.stop();
    const worker = startCli(['run'], env);
    await until(() => worker.output.stderr.includes('REDIS_UNREACHABLE'), { what: 'a warning', timeoutMs: 20_000 });
    await query(url, `insert into countries values ('be', 'Belgium')`);
    await redis.start();
    await until(async () => !(await cached('be')), { what: 'what changed before Redis was there', timeoutMs: 20_000 });
    await cache('be');
    await redis.stop();
    await query(url, `update countries set name = 'Belgique' where code = 'be'`);
    await redis.start();
    await until(async () => !(await cached('be')), { what: 'what changed while Redis was away', timeoutMs: 20_000 });
    expect((await worker.stop('SIGTERM')).code).toBe(0);
    expect((await cli(['teardown', '--yes'], env)).code).toBe(0);
  });

  it('is not taken down without a confirmation', async () => {
    expectError(await cli(['teardown'], settings()), 'CONFIRMATION_REFUSED', 1);
  });
});

async function withRedis<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

const cache = (code: string) => withRedis((client) => client.set(`country:${code}`, 'cached'));
const cached = (code: string) => withRedis(async (client) => (await client.exists(`country:${code}`)) === 1);

/** Caches an entry, changes its row, and says whether the entry went. */
async function invalidated(name: string): Promise<boolean> {
  await cache('nl');
  await query(
    url,
    `insert into countries values ('nl', '${name}') on conflict (code) do update set name = excluded.name`,
  );
  await until(async () => !(await cached('nl')), { what: 'the entry to go', timeoutMs: 1_000 });
  return true;
}

/** What poolers have in common, in front of a real server: the cancel key they hand out is their own. */
async function startPooler(target: string): Promise<{ server: Server; port: number }> {
  const { hostname, port } = new URL(target);
  const server = createServer((client: Socket) => {
    const upstream = connect(Number(port), hostname);
    client.pipe(upstream);
    upstream.on('data', (data: Buffer) => {
      // BackendKeyData: 'K', length 12, process id, secret.
      const at = data.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      if (at >= 0) data.writeInt32BE(4711, at + 5);
      client.write(data);
    });
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client.on('close', end).on('error', end);
    upstream.on('close', end).on('error', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}
