import { describe, expect, it } from 'vitest';
import { silent } from '../../src/core/ports.ts';
import { openSql } from '../../src/db/sql.ts';
import {
  dropPublication,
  ensurePublication,
  publicationSql,
  readPublication,
  tableName,
} from '../../src/wal/publication.ts';
import { createSlot, createSlotSql, dropSlot, dropSlotSql, readSlot } from '../../src/wal/slot.ts';
import { until, usePostgres } from '../harness.ts';
import { slotName, streaming, useStage } from './stage.ts';

const NASTY = { schema: 'My "Schema', name: `it's $unstale$ a "table"` };
const stage = await useStage({
  ddl: [
    'create table item (id int primary key)',
    'create table base (id int primary key)',
    'create table heir (extra int) inherits (base)',
    'create table part (id int primary key) partition by range (id)',
    'create table part_1 partition of part for values from (0) to (10)',
    'create schema "My ""Schema"',
    'create table "My ""Schema"."it\'s $unstale$ a ""table""" (id int primary key)',
  ],
});
const { sql } = stage;
const item = { schema: 'public', name: 'item' };

describe('a publication', () => {
  it('is made with the watched tables only, and again without effect', async () => {
    for (let again = 0; again < 2; again++) await ensurePublication(sql, 'Pub "one"', [item, NASTY]);
    expect(await readPublication(sql, 'Pub "one"')).toMatchObject({
      allTables: false,
      viaRoot: true,
      operations: ['insert', 'update', 'delete', 'truncate'],
      tables: ['My "Schema.it\'s $unstale$ a "table"', 'public.item'],
    });
  });

  it('gets further tables without losing the others, and none that only inherit', async () => {
    await ensurePublication(sql, 'more', [item]);
    await ensurePublication(sql, 'more', [tableName('public.base'), tableName('part')]);
    expect((await readPublication(sql, 'more'))?.tables).toEqual(['public.base', 'public.item', 'public.part']);
  });

  it('of somebody else gets all operations and the root names', async () => {
    await stage.run(`create publication lame for table item with (publish = 'insert')`);
    await ensurePublication(sql, 'lame', [item]);
    expect(await readPublication(sql, 'lame')).toMatchObject({
      viaRoot: true,
      operations: ['insert', 'update', 'delete', 'truncate'],
    });
  });

  it('of all tables stays one', async () => {
    await stage.run('create publication everything for all tables');
    await ensurePublication(sql, 'everything', [item]);
    expect(await readPublication(sql, 'everything')).toMatchObject({ allTables: true, viaRoot: true });
    await dropPublication(sql, 'everything');
  });

  it('can be made by hand from the statements that are printed', async () => {
    await stage.run(...publicationSql('by hand', [item, NASTY]), publicationSql('by hand', [item]).join(';\n'));
    expect((await readPublication(sql, 'by hand'))?.tables.length).toBe(2);
  });

  it('is dropped once, and is absent then', async () => {
    await ensurePublication(sql, 'gone', [item]);
    await dropPublication(sql, 'gone');
    await dropPublication(sql, 'gone');
    expect(await readPublication(sql, 'gone')).toBeUndefined();
  });

  it('has a name that Postgres allows', () => {
    expect(() => publicationSql('', [])).toThrow(expect.objectContaining({ code: 'PUBLICATION_NAME_INVALID' }));
    expect(() => publicationSql('ü'.repeat(32), [])).toThrow(
      expect.objectContaining({ code: 'PUBLICATION_NAME_INVALID' }),
    );
  });
});

describe('a slot', () => {
  it('is made once and dropped once, by us or by hand', async () => {
    const slot = slotName();
    expect(await readSlot(sql, slot)).toBeUndefined();
    expect(await createSlot(sql, slot)).toBe('created');
    expect(await createSlot(sql, slot)).toBe('existed');
    await stage.run(createSlotSql(slot));
    const state = await readSlot(sql, slot);
    expect(state).toMatchObject({ name: slot, plugin: 'pgoutput', walStatus: 'reserved', activePid: undefined });
    expect(state?.confirmedLsn).toBeGreaterThan(0n);
    expect(state?.lagBytes).toBeGreaterThanOrEqual(0);
    expect(await dropSlot(sql, slot)).toBe('dropped');
    expect(await dropSlot(sql, slot)).toBe('absent');
    await stage.run(createSlotSql(slot), dropSlotSql(slot), dropSlotSql(slot));
    expect(await readSlot(sql, slot)).toBeUndefined();
  });

  it('is made by one of two who try at the same moment', async () => {
    const slot = slotName();
    const made = await Promise.all([createSlot(sql, slot), createSlot(sql, slot)]);
    expect(made.toSorted()).toEqual(['created', 'existed']);
    await dropSlot(sql, slot);
  });

  it('is not dropped while somebody reads from it', async () => {
    const stream = stage.open();
    await streaming(stream);
    await expect(dropSlot(sql, stage.slot)).rejects.toMatchObject({ code: 'SLOT_IN_USE' });
  });

  it('that waits for an open transaction says for which', async () => {
    const open = await stage.session();
    await open.query("set application_name = 'a long one'; begin; insert into item values (1)");
    const hasty = openSql(stage.url, { log: silent, applicationName: 'wal test', statementTimeoutMs: 400 });
    const slot = slotName();
    const error = await createSlot(hasty, slot).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SLOT_CREATE_BLOCKED', message: expect.stringContaining('a long one') });
    await open.query('rollback');
    await hasty.end();
    expect(await readSlot(sql, slot), 'and leaves nothing behind').toBeUndefined();
  });

  it('that the server has given up ends the stream as lost', async () => {
    const server = await usePostgres({
      settings: { max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '32MB' },
    });
    const own = await useStage({ url: await server.createDatabase(), ddl: ['create table noise (i int)'] });
    await until(
      async () => {
        await own.run('insert into noise values (1)', 'select pg_switch_wal()', 'checkpoint');
        return (await readSlot(own.sql, own.slot))?.walStatus === 'lost';
      },
      { what: 'the slot to be lost' },
    );
    const stream = own.open();
    await expect(stream.take()).rejects.toMatchObject({ code: 'SLOT_LOST' });
    await stream.stop();
  });
});
