import { describe, expect, it } from 'vitest';
import { type Log, silent } from '../../src/core/ports.ts';
import { openSql } from '../../src/db/sql.ts';
import { classifyBreak, classifyReplicationError } from '../../src/wal/errors.ts';
import { publicationSql } from '../../src/wal/publication.ts';
import { createSlot, readSlot } from '../../src/wal/slot.ts';
import { until, usePostgres } from '../harness.ts';
import { collect, ids, slotName, useStage } from './stage.ts';

const stage = await useStage({
  ddl: ['create table item (id int primary key)'],
  tables: [{ schema: 'public', name: 'item' }],
});

/** Codes that the stream logs. */
function codes(): { log: Log; seen: unknown[] } {
  const seen: unknown[] = [];
  const note = (fields: object): void => void seen.push(Reflect.get(fields, 'code'));
  return { log: { ...silent, warn: note, error: note }, seen };
}

describe('a stream that breaks off', () => {
  it('because its server process was ended is lost, opened again, and gives out again what was not finished', async () => {
    const { log, seen } = codes();
    const stream = stage.open({ log });
    await stage.run('insert into item values (1)');
    const first = await collect(stream, 1);
    await stage.sql.query('select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1', [
      stage.slot,
    ]);
    expect(ids(await collect(stream, 1))).toEqual(['1']);
    expect(seen).toContain('STREAM_LOST');
    stream.finish(first); // of the connection that is gone: no effect
  });

  it('because it was asked to is read again from the confirmed position', async () => {
    const { log, seen } = codes();
    const stream = stage.open({ log });
    await stage.run('insert into item values (2)');
    const got = await collect(stream, (all) => ids(all).includes('2'));
    stream.finish(got);
    stream.reopen('a test asked for it');
    // Finished, and given out again: the confirmed position stays behind by the horizon.
    expect(ids(await collect(stream, (all) => ids(all).includes('2')))).toContain('2');
    expect(seen).toContain('STREAM_REOPENED');
  });

  it('for a reason that has nothing to do with slot or publication is tried again soon', () => {
    const error = classifyBreak(Object.assign(new Error('out of shared memory'), { code: '53200' }));
    expect([error.code, error.retry]).toEqual(['STREAM_FAILED', 'medium']);
    expect(
      classifyReplicationError(Object.assign(new Error('replication slot "x" is active for PID 1'), { code: '55006' }))
        .code,
    ).toBe('SLOT_IN_USE');
  });
});

describe('a slot', () => {
  it('that Postgres gave up, since too much WAL was kept for it, is told from one that is missing', {
    timeout: 60_000,
  }, async () => {
    const server = await usePostgres({
      settings: { max_slot_wal_keep_size: '1MB', max_wal_size: '32MB', min_wal_size: '32MB' },
    });
    const small = await useStage({
      ddl: ['create table item (id int primary key)'],
      tables: [{ schema: 'public', name: 'item' }],
      url: server.url,
    });
    await until(
      async () => {
        await small.run(
          'insert into item select coalesce(max(id), 0) + 1 from item',
          'select pg_switch_wal()',
          'checkpoint',
        );
        return (await readSlot(small.sql, small.slot))?.walStatus === 'lost';
      },
      { what: 'the slot to be lost', timeoutMs: 40_000 },
    );
    const stream = small.open();
    await expect(stream.take()).rejects.toMatchObject({
      code: 'SLOT_LOST',
      hint: expect.stringContaining('max_slot_wal_keep_size'),
    });
  });

  it('that waits for open transactions says for which', async () => {
    const other = await stage.session();
    await other.query('begin');
    const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid, txid_current()');
    const sql = openSql(stage.url, { log: silent, applicationName: 'impatient', statementTimeoutMs: 300 });
    const made = createSlot(sql, slotName());
    await expect(made).rejects.toMatchObject({
      code: 'SLOT_CREATE_BLOCKED',
      message: expect.stringContaining(`pid ${rows[0]?.pid}`),
    });
    await other.query('rollback');
    await sql.end();
  });
});

describe('a publication', () => {
  it.each(['', 'x'.repeat(64)])('cannot be called %j', (name) => {
    expect(() => publicationSql(name, [])).toThrow(expect.objectContaining({ code: 'PUBLICATION_NAME_INVALID' }));
  });
});
