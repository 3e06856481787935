import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { until, usePostgres, useRedis } from '../harness.ts';
import { cli, startCli } from '../process.ts';

const folder = await mkdtemp(join(tmpdir(), 'unstale-stop-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const postgres = await usePostgres();
const cache = await useRedis();
const queue = await useRedis();
const rules = join(folder, 'rules.yaml');
await writeFile(rules, 'edition: 1\nrules:\n  item:\n    key: item:${id}\n    watch: items\n');
const env = {
  DATABASE_URL: postgres.url,
  REDIS_URL: cache.url,
  QUEUE_REDIS_URL: queue.url,
  UNSTALE_RULES: rules,
  UNSTALE_NAME: 'stopping',
};

async function session(): Promise<pg.Client> {
  const client = new pg.Client(postgres.url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const setup = await session();
await setup.query('create table items (id int primary key)');
await setup.end();
await cli(['setup'], env);

async function streaming() {
  const worker = startCli(['run'], env);
  await until(() => worker.output.stderr.includes('streaming from the slot'), {
    what: 'the stream',
    timeoutMs: 20_000,
  });
  return worker;
}

describe('a worker', () => {
  it('leaves within ten seconds of SIGTERM while the queue is down', { timeout: 60_000 }, async () => {
    const worker = await streaming();
    await queue.kill();
    await until(() => worker.output.stderr.includes('REDIS_UNREACHABLE'), { what: 'the outage to be noticed' });
    const startedMs = performance.now();
    const { code } = await worker.stop('SIGTERM');
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(code).toBe(0);
    await queue.start();
  });

  it('leaves when it is told to while it still waits for the database', { timeout: 60_000 }, async () => {
    const open = await session();
    await open.query('begin; lock table items in access exclusive mode; select txid_current()');
    const worker = startCli(['run'], { ...env, UNSTALE_NAME: 'stopping_early' });
    await until(() => worker.output.stderr.includes('starting'), { what: 'the worker to start', timeoutMs: 20_000 });
    const startedMs = performance.now();
    expect((await worker.stop('SIGTERM')).code).not.toBe(null);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await open.end();
  });

  it('does not keep Postgres from a fast shutdown while others write, and goes on afterwards', {
    timeout: 90_000,
  }, async () => {
    const worker = await streaming();
    const writers = await Promise.all([1, 2, 3].map(session));
    let id = 0;
    const writing = Promise.allSettled(
      writers.map(async (writer) => {
        for (;;) await writer.query('insert into items values ($1)', [++id]);
      }),
    );
    await until(() => id > 500, { what: 'some writes' });
    const startedMs = performance.now();
    await postgres.stop('fast');
    // At most the replay horizon of five seconds, and a bit for the machine.
    expect(performance.now() - startedMs).toBeLessThan(9_000);
    await writing;
    await postgres.start();
    const writer = await session();
    const { Redis } = await import('ioredis');
    const redis = new Redis(cache.url);
    await redis.set(`item:${id + 1}`, 'cached');
    await writer.query('insert into items values ($1)', [id + 1]);
    await until(async () => (await redis.exists(`item:${id + 1}`)) === 0, {
      what: 'the stream to go on',
      timeoutMs: 30_000,
    });
    redis.disconnect();
    await writer.end();
    expect((await worker.stop('SIGTERM')).code).toBe(0);
  });
});
