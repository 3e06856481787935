import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Transaction } from '../../src/core/change.ts';
import { silent } from '../../src/core/ports.ts';
import { openSql, type SqlPool } from '../../src/db/sql.ts';
import { createGate } from '../../src/gate/gate.ts';
import { openWal, type WalStream } from '../../src/wal/stream.ts';
import { until, usePostgres } from '../harness.ts';

const server = await usePostgres();
let sql: SqlPool;
let stream: WalStream;

beforeAll(async () => {
  sql = openSql(server.url, { log: silent, applicationName: 'gate test' });
  await sql.query('create table t (id int primary key, v text)');
  await sql.query(`insert into t values (1, 'old'), (2, 'old')`);
  await sql.query('create publication gate for table t');
  await sql.query(`select pg_create_logical_replication_slot('gate', 'pgoutput')`);
  stream = openWal({
    connection: { connectionString: server.url },
    slot: 'gate',
    publication: 'gate',
    sql,
    log: silent,
  });
  stream.start();
});

afterAll(async () => {
  await stream.stop();
  await sql.end();
});

async function session(): Promise<pg.Client> {
  const client = new pg.Client(server.url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const idsOf = (transactions: readonly Transaction[]) =>
  transactions.flatMap(({ changes }) => changes.map((change) => change.after?.at(0)));

describe('a transaction that has committed and that nobody sees yet', () => {
  it('is held back until it is visible, while others pass it by', { timeout: 60_000 }, async () => {
    // A source that tells what has arrived, whether or not the gate lets it through.
    const arrived: unknown[] = [];
    const source = {
      async take() {
        const taken = await stream.take();
        arrived.push(...idsOf(taken ?? []));
        return taken;
      },
      hold: (transactions: readonly Transaction[]) => stream.hold(transactions),
    };
    const gate = createGate({ sql, log: silent });
    const passed: unknown[] = [];
    const running = (async () => {
      for await (const transactions of gate.visible(source)) passed.push(...idsOf(transactions));
    })();

    const [stalled, other, reader] = await Promise.all([session(), session(), session()]);
    // Commits wait for a synchronous standby that does not exist: flushed, streamed, and invisible.
    await sql.query(`alter system set synchronous_standby_names = 'nobody'`);
    await sql.query('select pg_reload_conf()');
    await until(
      async () => (await sql.query(`show synchronous_standby_names`))[0]?.synchronous_standby_names === 'nobody',
      {
        what: 'the setting',
      },
    );
    // Larger than what may be in flight: nobody waits behind it.
    const held = stalled.query(`
      begin; update t set v = 'new' where id = 1;
      insert into t select i, repeat('x', 100) from generate_series(1000, 60000) i; commit`);
    await until(() => arrived.includes('1'), { what: 'the stream to send the invisible transaction' });
    await other.query('set synchronous_commit = local');
    await other.query(`update t set v = 'new' where id = 2`);
    await until(() => passed.includes('2'), { what: 'the other transaction to pass' });
    expect((await reader.query('select v from t where id = 1')).rows[0]?.v).toBe('old');
    expect(passed).not.toContain('1');
    expect(gate.held().count).toBeGreaterThan(1);

    await other.query(`alter system reset synchronous_standby_names`);
    await other.query('select pg_reload_conf()');
    await held;
    await until(() => passed.includes('1'), { what: 'the transaction that was held' });
    expect((await reader.query('select v from t where id = 1')).rows[0]?.v).toBe('new');
    expect(gate.held().count).toBe(0);

    gate.stop();
    await sql.query(`update t set v = 'newer' where id = 2`); // wakes the gate
    await running;
    await Promise.all([stalled.end(), other.end(), reader.end()]);
  });

  it('never passes before a new reader sees it, however fast commits come', { timeout: 60_000 }, async () => {
    await sql.query('create table fast (id int primary key, v int)');
    await sql.query('insert into fast select i, 0 from generate_series(1, 4) i');
    await sql.query('alter publication gate add table fast');
    const gate = createGate({ sql, log: silent });
    const reader = await session();
    let early = 0;
    let seen = 0;
    const running = (async () => {
      for await (const transactions of gate.visible(stream)) {
        // What a prompt reader would load now.
        const { rows } = await reader.query<{ id: number; v: number }>('select id, v from fast');
        const now = new Map(rows.map(({ id, v }) => [String(id), v]));
        for (const { changes } of transactions) {
          for (const { relation, after } of changes) {
            if (relation.name !== 'fast') continue;
            seen++;
            if ((now.get(after?.at(0) ?? '') ?? -1) < Number(after?.at(1))) early++;
          }
        }
      }
    })();
    const writers = await Promise.all([1, 2, 3, 4].map(async (id) => ({ id, client: await session() })));
    await Promise.all(
      writers.map(async ({ id, client }) => {
        for (let v = 1; v <= 1_000; v++) await client.query('update fast set v = $2 where id = $1', [id, v]);
        await client.end();
      }),
    );
    await until(() => seen === 4_000, { what: 'all updates to pass', timeoutMs: 30_000 });
    expect(early).toBe(0);
    gate.stop();
    await sql.query('update fast set v = v'); // wakes the gate
    await running;
    await reader.end();
  });
});

describe('the gate', () => {
  it('refuses to tell visibility on a standby', async () => {
    const { readSnapshot } = await import('../../src/gate/snapshot.ts');
    const standby = { query: async () => [{ snapshot: '5:5:', standby: true }] as never };
    await expect(readSnapshot(standby)).rejects.toMatchObject({ code: 'GATE_ON_STANDBY' });
  });
});
