import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { Client, type ClientConfig } from 'pg';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { UnstaleError } from '../../src/core/errors/index.ts';
import { createDatabase, dropDatabase, sql } from '../../src/servers/admin.ts';
import { startPostgres } from '../../src/servers/index.ts';
import { until, useDatabase, usePostgres } from '../harness.ts';
import { portState, sharedMemory } from './traces.ts';

afterEach(() => vi.unstubAllEnvs());

describe('a Postgres for tests', () => {
  it('has logical WAL, and room for the slots of many tests at once', async () => {
    const url = await useDatabase();
    const rows = await sql(
      url,
      `select name, setting from pg_settings
       where name in ('wal_level', 'max_replication_slots', 'max_wal_senders') order by name`,
    );
    expect(rows.map((row) => row.setting)).toEqual(['40', '40', 'logical']);
  });

  it('gives every caller an empty database of its own', async () => {
    const [one, two] = [await useDatabase(), await useDatabase()];
    await sql(one, 'create table t (id int)');
    await sql(two, 'create table t (id int)');
    expect(one).not.toBe(two);
  });

  it('takes settings over its own', async () => {
    const server = await usePostgres({ settings: { wal_level: 'replica', max_replication_slots: '3' } });
    expect(await sql(server.url, 'show wal_level')).toEqual([{ wal_level: 'replica' }]);
    expect(await sql(server.url, 'show max_replication_slots')).toEqual([{ max_replication_slots: '3' }]);
  });

  it('has its data and its port again after a stop of either kind and after SIGKILL', async () => {
    const server = await usePostgres();
    await sql(server.url, 'create table kept (n int)');
    const ends = [() => server.stop(), () => server.stop('immediate'), () => server.kill()];
    for (const [index, end] of ends.entries()) {
      await sql(server.url, `insert into kept values (${index})`);
      await end();
      expect(await portState(server.port)).toBe('closed');
      await server.start();
    }
    expect(await sql(server.url, 'select count(*)::int as n from kept')).toEqual([{ n: 3 }]);
  });

  it('leaves nothing behind when it is closed, not even after SIGKILL', async () => {
    const server = await startPostgres();
    const [row] = await sql(
      server.url,
      `select current_setting('data_directory') as folder, split_part(pg_read_file('postmaster.pid'), E'\\n', 7) as memory`,
    );
    const memory = String(row?.memory).trim().split(/\s+/)[1];
    expect(sharedMemory()).toContain(memory);
    await server.kill();
    await server.close();
    await server.close();
    expect(await portState(server.port)).toBe('closed');
    expect(existsSync(dirname(String(row?.folder)))).toBe(false);
    expect(sharedMemory()).not.toContain(memory);
  });

  it('says what the log says when it does not start', async () => {
    const starting = startPostgres({ settings: { wal_level: 'loud' } });
    await expect(starting).rejects.toMatchObject({
      code: 'SERVERS_START_FAILED',
      message: expect.stringContaining('invalid value for parameter "wal_level": "loud"'),
    });
  });

  it('says that its port was taken while it was stopped', async () => {
    const server = await usePostgres();
    await server.stop();
    const other = createServer().listen(server.port, '127.0.0.1');
    await until(() => other.listening, { what: 'the other server' });
    await expect(server.start()).rejects.toThrow(/Address already in use/);
    await new Promise((resolve) => other.close(resolve));
    await server.start();
  });

  it('does not wait for ever for a stop that a session holds up', async () => {
    const server = await usePostgres();
    const pid = Number(
      (await sql(server.url, `select split_part(pg_read_file('postmaster.pid'), E'\\n', 1) as pid`))[0]?.pid,
    );
    process.kill(pid, 'SIGSTOP');
    await expect(server.stop('fast', 50)).rejects.toMatchObject({ code: 'SERVERS_STOP_FAILED' });
    process.kill(pid, 'SIGCONT');
  });

  it('refuses a version that cannot be had', async () => {
    await expect(startPostgres({ version: 9 })).rejects.toMatchObject({ code: 'SERVERS_BAD_VERSION' });
    vi.stubEnv('UNSTALE_TEST_POSTGRES_VERSION', 'latest');
    const error = await startPostgres().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnstaleError);
    expect(error).toMatchObject({ message: expect.stringContaining('UNSTALE_TEST_POSTGRES_VERSION=latest') });
  });
});

describe('dropping a database', () => {
  it('takes the replication slots along that would hold it, also one that is in use', async () => {
    const server = inject('postgresUrl') ?? '';
    const url = await createDatabase(server);
    const slot = new URL(url).pathname.slice(1);
    await sql(url, `select pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const consumer = new Client({ connectionString: url, replication: 'database' } as ClientConfig);
    await consumer.connect();
    const ended = consumer
      .query(`START_REPLICATION SLOT ${slot} LOGICAL 0/0 (proto_version '1', publication_names 'p')`)
      .catch((error: unknown) => error);
    consumer.on('error', () => undefined);
    await until(async () => (await slotsOf(server, slot))[0]?.active, { what: 'the slot to be in use' });
    await dropDatabase(server, url);
    await ended;
    expect(await slotsOf(server, slot)).toEqual([]);
    await expect(sql(url, 'select 1')).rejects.toThrow(/does not exist/);
  });

  it('gives a database a name with any characters', async () => {
    const server = inject('postgresUrl') ?? '';
    const url = await createDatabase(server, `a "b" 'c' ${Date.now()}`);
    expect(await sql(url, 'select current_database() as name')).toEqual([
      { name: expect.stringContaining(`a "b" 'c' `) },
    ]);
    await dropDatabase(server, url);
  });
});

function slotsOf(server: string, name: string) {
  return sql(server, `select active from pg_replication_slots where slot_name = '${name}'`);
}
