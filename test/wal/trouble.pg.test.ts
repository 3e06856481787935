import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/core/errors/index.ts';
import { UnstaleError } from '../../src/core/errors/index.ts';
import { silent } from '../../src/core/ports.ts';
import { openSql } from '../../src/db/sql.ts';
import { dropPublication, ensurePublication } from '../../src/wal/publication.ts';
import { createSlot, dropSlot, readSlot } from '../../src/wal/slot.ts';
import { openWal, type WalStream } from '../../src/wal/stream.ts';
import { until, usePostgres } from '../harness.ts';
import { useProxy } from './proxy.ts';
import { collect, consume, ids, recordingLog, slotName, streaming, useStage } from './stage.ts';

const ITEM = {
  ddl: ['create table item (id int primary key, name text)', 'create table unwatched (id int)'],
  tables: [{ schema: 'public', name: 'item' }],
};
const stage = await useStage(ITEM);
let next = 0;

async function insert(): Promise<string> {
  await stage.run(`insert into item values (${++next}, 'x')`);
  return `${next}`;
}

async function failure(stream: WalStream): Promise<UnstaleError> {
  const error = await stream.take().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof UnstaleError) return error;
  throw new Error('the stream did not fail', { cause: error });
}

async function expectFailure(stream: WalStream, code: ErrorCode): Promise<UnstaleError> {
  const error = await failure(stream);
  expect(error.code, error.message).toBe(code);
  expect(stream.status()).toMatchObject({ state: 'failed', lastError: { code } });
  expect((await failure(stream)).code, 'the second time too').toBe(code);
  await stream.stop();
  expect(await stream.take()).toBeUndefined();
  return error;
}

describe('a connection that breaks', () => {
  it('is opened again without loss when the server is killed and comes back', async () => {
    const server = await usePostgres();
    const own = await useStage({ ...ITEM, url: await server.createDatabase() });
    const stream = own.open({ horizonMs: 0 });
    await own.run("insert into item values (1, 'x')");
    const first = await collect(stream, 1);
    await server.kill();
    await until(() => stream.status().state !== 'streaming', { what: 'the break to be noticed' });
    await server.start();
    const again = await collect(stream, 1);
    expect(ids(again)).toEqual(['1']);
    await own.run("insert into item values (2, 'x')");
    const rest = await collect(stream, 1);
    expect(ids(rest)).toEqual(['2']);
    stream.finish([...first, ...again, ...rest]);
    await stream.stop();
  });

  it('drops a transaction that had come in half and gives it out whole again', async () => {
    const proxy = await useProxy(stage.url);
    const stream = stage.open({
      connection: { connectionString: proxy.url },
      sliceChanges: 100,
      maxBytesInFlight: 50_000,
    });
    await streaming(stream);
    const from = next + 1;
    next += 20_000;
    await stage.run(`insert into item select i, repeat('x', 100) from generate_series(${from}, ${next}) i`);
    const half = await collect(stream, 100);
    expect(half.some((slice) => slice.last)).toBe(false);
    await stage.sql.query('select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1', [
      stage.slot,
    ]);
    stream.release(half);
    await until(() => stream.status().lastError, { what: 'the break to be noticed' });
    const seen: unknown[] = [];
    for (let last = false; !last; ) {
      const taken = (await stream.take()) ?? [];
      for (const slice of taken) {
        seen.push(...ids([slice]));
        last = slice.last;
      }
      stream.finish(taken);
    }
    expect(seen).toEqual(Array.from({ length: 20_000 }, (_, i) => `${from + i}`));
    expect(stream.status().bytesInFlight).toBe(0);
    stream.finish(half);
  });

  it('is noticed when the network goes silent, and the slot is taken back from the dead one', async () => {
    await stage.run(
      `do $$ begin execute format('alter database %I set wal_sender_timeout = 1500', current_database()); end $$`,
    );
    const proxy = await useProxy(stage.url);
    const { log, lines } = recordingLog();
    const stream = stage.open({ connection: { connectionString: proxy.url }, log, heartbeatMs: 60_000 });
    await streaming(stream);
    proxy.freeze();
    const id = await insert();
    const got = await collect(stream, 1, 15_000);
    expect(ids(got)).toEqual([id]);
    stream.finish(got);
    expect(lines.filter((line) => line.level === 'warn').map((line) => line.fields.code)).toEqual(['STREAM_SILENT']);
    await stage.run(
      `do $$ begin execute format('alter database %I reset wal_sender_timeout', current_database()); end $$`,
    );
  });

  it('that was given up here is taken from the server too, which would keep the slot to it', async () => {
    const proxy = await useProxy(stage.url);
    const stream = stage.open({ connection: { connectionString: proxy.url } });
    await streaming(stream);
    proxy.freeze();
    stream.reopen('a test');
    const id = await insert();
    const got = await collect(stream, 1);
    expect(ids(got)).toEqual([id]);
    stream.finish(got);
  });

  it('is not taken for dead while nothing happens', async () => {
    const server = await usePostgres({ settings: { wal_sender_timeout: '500ms' } });
    const own = await useStage({ ...ITEM, url: await server.createDatabase() });
    const states: string[] = [];
    const stream = own.open({ heartbeatMs: 3_600_000, horizonMs: 0, onState: (state) => states.push(state) });
    await streaming(stream);
    const later = performance.now() + 3500;
    await until(() => performance.now() > later, { what: 'more than three times the patience' });
    expect(states).toEqual(['connecting', 'streaming']);
    await stream.stop();
  });

  it('can be stopped within seconds although the network is dead', async () => {
    const proxy = await useProxy(stage.url);
    const stream = stage.open({ connection: { connectionString: proxy.url } });
    await streaming(stream);
    proxy.freeze();
    const began = performance.now();
    await Promise.all([stream.stop(), stream.stop()]);
    expect(performance.now() - began).toBeLessThan(4000);
    expect(await stream.take()).toBeUndefined();
    await until(async () => (await readSlot(stage.sql, stage.slot))?.activePid === undefined, { what: 'a free slot' });
  });

  it('can be stopped while it tries to connect', async () => {
    const stream = stage.open({ connection: { connectionString: 'postgres://nobody@127.0.0.1:1/none' } });
    await until(() => stream.status().state === 'waiting', { what: 'a failed attempt' });
    expect(stream.status().lastError?.code).toBe('DATABASE_UNREACHABLE');
    const began = performance.now();
    await stream.stop();
    expect(performance.now() - began).toBeLessThan(1000);
    const unstarted = openWal({ connection: {}, slot: 'x', publication: 'x', sql: stage.sql, log: silent });
    await unstarted.stop();
    unstarted.start();
    expect(unstarted.status().state).toBe('stopped');
  });
});

describe('a slot', () => {
  it('that another process reads from is waited for, and taken over when it is free', async () => {
    const leader = stage.open();
    await streaming(leader);
    const { log, lines } = recordingLog();
    const second = stage.open({ log });
    await until(() => lines.some((line) => /standing by/.test(line.message)), { what: 'a warning' });
    expect(second.status()).toMatchObject({ state: 'standby', lastError: { code: 'SLOT_IN_USE' } });
    const began = performance.now();
    await leader.stop();
    await streaming(second);
    expect(performance.now() - began).toBeLessThan(1500);
    expect(lines.filter((line) => line.level === 'warn').length).toBe(1);
    const id = await insert();
    const got = await collect(second, 1);
    expect(ids(got)).toEqual([id]);
    second.finish(got);
  });

  it('that is missing ends the stream with what to do', async () => {
    const error = await expectFailure(stage.open({ slot: 'no_such_slot' }), 'SLOT_MISSING');
    expect(error.message).toContain('no_such_slot');
    expect(error.hint).toContain('unstale run');
  });

  it('of another plugin or kind is refused', async () => {
    const slot = slotName();
    await stage.sql.query("select pg_create_logical_replication_slot($1, 'test_decoding')", [slot]);
    await expectFailure(stage.open({ slot }), 'SLOT_WRONG_KIND');
    await dropSlot(stage.sql, slot);
    await stage.sql.query('select pg_create_physical_replication_slot($1)', [slot]);
    await expectFailure(stage.open({ slot }), 'SLOT_WRONG_KIND');
    await dropSlot(stage.sql, slot);
  });

  it('with a name that Postgres does not allow is refused at once', () => {
    for (const slot of ['Upper', 'a-b', "a'b", 'a"b', '', 'x'.repeat(64)]) {
      expect(() => stage.open({ slot }), slot).toThrow(expect.objectContaining({ code: 'SLOT_NAME_INVALID' }));
    }
  });

  it('can be made for one connection only, and leaves nothing behind', async () => {
    const slot = slotName();
    await insert();
    const stream = stage.open({ slot, temporarySlot: true });
    await streaming(stream);
    const id = await insert();
    const got = await collect(stream, 1);
    expect(ids(got), 'from now on').toEqual([id]);
    await stream.stop();
    await until(async () => (await readSlot(stage.sql, slot)) === undefined, { what: 'the slot to go' });
  });

  it('moves on in a database where nobody writes', async () => {
    const server = await usePostgres();
    const own = await useStage({ ...ITEM, url: await server.createDatabase() });
    const stream = own.open({ heartbeatMs: 200, horizonMs: 300 });
    await streaming(stream);
    let last = await own.confirmed();
    for (let round = 0; round < 3; round++) {
      last = await until(async () => (await own.confirmed()) > last && own.confirmed(), { what: 'the slot to move' });
    }
    const { lagMs } = stream.status();
    await stream.stop();
    expect(lagMs).toBeGreaterThanOrEqual(0);
    expect(lagMs).toBeLessThan(5000);
  });

  it('moves on while others write to tables that are not watched', async () => {
    const stream = stage.open({ heartbeatMs: 3_600_000, horizonMs: 0 });
    void consume(stream);
    await streaming(stream);
    for (let round = 0; round < 2; round++) {
      await stage.run('insert into unwatched select generate_series(1, 1000)');
      const written = await stage.written();
      await until(async () => (await stage.confirmed()) >= written, { what: 'the slot to follow' });
    }
  });

  it('does not move past an unfinished transaction, whatever is written after it', async () => {
    const proxy = await useProxy(stage.url);
    const stream = stage.open({ connection: { connectionString: proxy.url }, heartbeatMs: 100, horizonMs: 0 });
    await insert();
    const got = await collect(stream, 1);
    const commit = got[0]?.commitLsn ?? 0n;
    await stage.run('insert into unwatched select generate_series(1, 1000)');
    const written = await stage.written();
    await until(() => stream.status().receivedLsn >= written, { what: 'a keepalive or heartbeat' });
    const reports = proxy.reports.length;
    await until(() => proxy.reports.length > reports + 1, { what: 'status reports' });
    expect(proxy.reports.filter((report) => report.flush > commit)).toEqual([]);
    stream.finish(got);
  });
});

describe('a message that cannot be decoded', () => {
  it('ends the stream with table and position, and confirms nothing of it', async () => {
    const proxy = await useProxy(stage.url);
    const stream = stage.open({ connection: { connectionString: proxy.url }, horizonMs: 0 });
    await streaming(stream);
    const start = await stage.confirmed();
    // The kind of the new row, N, becomes something that does not exist.
    proxy.damage((bytes) => {
      const at = bytes.indexOf('N\0\x02t');
      if (at > 0) bytes[at] = 0x3f;
    });
    await stage.run(`insert into item values (${next + 1}, 'x')`);
    const error = await expectFailure(stream, 'STREAM_DECODE');
    expect(error.message).toContain('public.item');
    expect(await stage.confirmed()).toBe(start);
    const again = stage.open();
    const got = await collect(again, 1);
    expect(ids(got)).toEqual([`${++next}`]);
    again.finish(got);
  });
});

describe('a publication', () => {
  it('that is missing ends the stream with what to do', async () => {
    const error = await expectFailure(stage.open({ publication: 'No such' }), 'PUBLICATION_MISSING');
    expect(error.message).toContain('No such');
  });

  it('that is dropped, or replaced, while it is read ends the stream', async () => {
    const own = await useStage({ url: stage.url, publication: 'short lived', tables: ITEM.tables });
    const stream = own.open({ heartbeatMs: 100 });
    await streaming(stream);
    await dropPublication(own.sql, 'short lived');
    await expectFailure(stream, 'PUBLICATION_MISSING');
    await ensurePublication(own.sql, 'short lived', ITEM.tables);
    await dropSlot(own.sql, own.slot);
    await createSlot(own.sql, own.slot);
    const second = own.open({ heartbeatMs: 3_600_000 });
    await streaming(second);
    await dropPublication(own.sql, 'short lived');
    await ensurePublication(own.sql, 'short lived', ITEM.tables);
    await second.stop();
    const third = own.open({ heartbeatMs: 100 });
    await streaming(third);
    await dropPublication(own.sql, 'short lived');
    await ensurePublication(own.sql, 'short lived', ITEM.tables);
    const error = await expectFailure(third, 'PUBLICATION_MISSING');
    expect(error.message).toContain('dropped');
  });
});

describe('a server', () => {
  it('that does not write logical WAL is refused with the remedy', async () => {
    const server = await usePostgres({ settings: { wal_level: 'replica' } });
    const sql = openSql(server.url, { log: silent, applicationName: 'wal test' });
    const stream = openWal({
      connection: { connectionString: server.url },
      slot: 'x',
      publication: 'x',
      sql,
      log: silent,
    });
    stream.start();
    const error = await expectFailure(stream, 'WAL_LEVEL_NOT_LOGICAL');
    expect(error.message).toContain('replica');
    await expect(createSlot(sql, 'x')).rejects.toMatchObject({ code: 'WAL_LEVEL_NOT_LOGICAL' });
    await sql.end();
  });

  it('whose slots or senders are all taken is tried again, with the reason', async () => {
    const server = await usePostgres({ settings: { max_replication_slots: '1', max_wal_senders: '1' } });
    const own = await useStage({ ...ITEM, url: await server.createDatabase() });
    await expect(createSlot(own.sql, 'one_more')).rejects.toMatchObject({ code: 'TOO_MANY_SLOTS' });
    const taken = own.open();
    await streaming(taken);
    const temporary = own.open({ slot: 'temporary', temporarySlot: true });
    await until(() => temporary.status().lastError, { what: 'an error' });
    expect(temporary.status().lastError?.code).toBe('TOO_MANY_SENDERS');
    await Promise.all([temporary.stop(), taken.stop()]);
  });

  it('refuses a role without the right to replicate', async () => {
    const role = slotName();
    await stage.run(`create role ${role} login password 'secret'`);
    const url = new URL(stage.url);
    url.username = role;
    url.password = 'secret';
    await expectFailure(stage.open({ connection: { connectionString: url.href } }), 'REPLICATION_NOT_ALLOWED');
    await stage.run(`drop role ${role}`);
  });

  it('that refuses the user is not hammered', async () => {
    const url = new URL(stage.url);
    url.username = 'nobody_of_that_name';
    const stream = stage.open({ connection: { connectionString: url.href } });
    await until(() => stream.status().lastError, { what: 'an error' });
    expect(stream.status()).toMatchObject({ state: 'waiting', lastError: { code: 'DATABASE_AUTH', retry: 'slow' } });
  });
});
