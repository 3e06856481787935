import { afterEach, describe, expect, it, vi } from 'vitest';
import { sql } from '../../src/servers/admin.ts';
import { startPostgres, startRedis } from '../../src/servers/index.ts';
import { ask } from '../../src/servers/redis-wire.ts';
import { usePostgres, useRedis } from '../harness.ts';

afterEach(() => vi.unstubAllEnvs());

describe('UNSTALE_TEST_DATABASE_URL', () => {
  it('is used before anything else; what was created there is dropped again', async () => {
    const lender = await usePostgres();
    vi.stubEnv('UNSTALE_TEST_DATABASE_URL', lender.url);
    vi.stubEnv('UNSTALE_TEST_POSTGRES_VERSION', '');
    const server = await startPostgres();
    expect(server).toMatchObject({ url: lender.url, port: lender.port, version: lender.version });
    expect(server.source).toMatch(/UNSTALE_TEST_DATABASE_URL/);
    const url = await server.createDatabase();
    await sql(url, `select pg_create_logical_replication_slot('left_over', 'pgoutput')`);
    await server.close();
    expect(await sql(lender.url, 'select datname from pg_database where not datistemplate')).toEqual([
      { datname: 'postgres' },
    ]);
  });

  it('names a server that is not stopped, started or killed', async () => {
    const lender = await usePostgres();
    vi.stubEnv('UNSTALE_TEST_DATABASE_URL', lender.url);
    const server = await startPostgres({ version: lender.version });
    for (const act of [() => server.stop(), () => server.start(), () => server.kill()]) {
      await expect(act()).rejects.toMatchObject({ code: 'SERVERS_BORROWED' });
    }
    expect(await sql(lender.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('is left alone by who needs settings or another version', async () => {
    const lender = await usePostgres();
    vi.stubEnv('UNSTALE_TEST_DATABASE_URL', lender.url);
    const server = await usePostgres({ settings: { work_mem: '1MB' } });
    expect(server.port).not.toBe(lender.port);
  });

  it('is blamed when nobody answers there, without its password', async () => {
    vi.stubEnv('UNSTALE_TEST_DATABASE_URL', 'postgres://me:secret@127.0.0.1:1/postgres');
    const error = await startPostgres().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SERVERS_UNREACHABLE', message: expect.stringContaining('127.0.0.1:1') });
    expect(String(error)).not.toContain('secret');
  });
});

describe('UNSTALE_TEST_REDIS_URL', () => {
  it('is shared by giving everybody an empty database of its own', async () => {
    const lender = await useRedis();
    await ask(`${lender.url}/1`, ['SET', 'old', '1']);
    await ask(lender.url, ['SET', 'precious', '1']);
    vi.stubEnv('UNSTALE_TEST_REDIS_URL', lender.url);
    const [one, two] = [await startRedis(), await startRedis()];
    expect([one.url, two.url]).toEqual([`${lender.url}/1`, `${lender.url}/2`]);
    expect(await ask(one.url, ['DBSIZE'], ['SET', 'a', '1'])).toEqual(['0', 'OK']);
    await expect(one.kill()).rejects.toMatchObject({ code: 'SERVERS_BORROWED' });
    await one.close();
    await two.close();
    expect(await ask(lender.url, ['KEYS', '*'], ['GET', 'precious'])).toContain('1');
    expect((await startRedis()).url).toBe(`${lender.url}/1`);
  });

  it('says so when all its databases are taken', async () => {
    const lender = await useRedis();
    vi.stubEnv('UNSTALE_TEST_REDIS_URL', lender.url);
    for (let count = 1; count < 16; count++) await startRedis();
    await expect(startRedis()).rejects.toMatchObject({ code: 'SERVERS_UNREACHABLE' });
  });

  it('is blamed when nobody answers there', async () => {
    vi.stubEnv('UNSTALE_TEST_REDIS_URL', 'redis://:secret@127.0.0.1:1');
    const error = await startRedis().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SERVERS_UNREACHABLE', message: expect.stringContaining('127.0.0.1:1') });
    expect(String(error)).not.toContain('secret');
  });
});

describe('DATABASE_URL and REDIS_URL', () => {
  it('are never used: they name what belongs to somebody', async () => {
    vi.stubEnv('DATABASE_URL', 'postgres://127.0.0.1:1/postgres');
    vi.stubEnv('REDIS_URL', 'redis://127.0.0.1:1');
    const [postgres, redis] = [await usePostgres(), await useRedis()];
    expect(await sql(postgres.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(await ask(redis.url, ['PING'])).toEqual(['PONG']);
  });
});
