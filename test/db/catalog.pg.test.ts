import { beforeAll, expect, it } from 'vitest';
import type { Catalog } from '../../src/core/catalog.ts';
import { silent } from '../../src/core/ports.ts';
import { readCatalog } from '../../src/db/catalog.ts';
import { openSql } from '../../src/db/sql.ts';
import { useDatabase } from '../harness.ts';

const url = await useDatabase();
let catalog: Catalog;

const SCHEMA = `
create schema "My Schema";
create table plain (id int8 primary key, v text);
create table reordered (a int not null, b int not null, c int, primary key (b, a));
create table by_index (id int primary key, owner text not null, v text);
create unique index by_owner on by_index (owner, id);
create unique index by_part on by_index (owner) where id > 5;
create unique index by_nullable on by_index (v);
alter table by_index replica identity using index by_owner;
create table whole (id int, v text);
alter table whole replica identity full;
create table none (id int);
alter table none replica identity nothing;
create table computed (id int primary key, twice int generated always as (id * 2) stored);
create table parted (id int, at date not null, primary key (id, at)) partition by range (at);
create table parted_a partition of parted for values from ('2026-01-01') to ('2026-07-01');
create table parted_b partition of parted for values from ('2026-07-01') to ('2027-01-01') partition by range (at);
create table parted_b1 partition of parted_b default;
create table "My Schema"."Mixed ""Case""" ("Id" int primary key);
create table heir () inherits (plain);
create unlogged table fleeting (id int primary key);
create view looking as select * from plain;
create materialized view stored as select * from plain;
create publication cat for table only plain, computed, parted, "My Schema"."Mixed ""Case""" with (publish = 'insert, update', publish_via_partition_root = true);
`;

beforeAll(async () => {
  const sql = openSql(url, { log: silent, applicationName: 'catalog test' });
  await sql.query(SCHEMA);
  catalog = await readCatalog(sql, 'cat');
  await sql.end();
});

const table = (name: string) => catalog.tables.get(name);

it('tells what kind each table is', () => {
  const kinds = ['plain', 'parted', 'parted_a', 'parted_b', 'fleeting', 'looking', 'stored'].map(
    (name) => table(`public.${name}`)?.kind,
  );
  expect(kinds).toEqual(['table', 'partitioned', 'partition', 'partition', 'unlogged', 'view', 'materialized view']);
  expect(table('My Schema.Mixed "Case"')).toMatchObject({
    schema: 'My Schema',
    name: 'Mixed "Case"',
    primaryKey: ['Id'],
  });
});

it('tells which old values are sent', () => {
  const sent = ['plain', 'reordered', 'by_index', 'whole', 'none'].map((name) => {
    const { identity, identityColumns } = table(`public.${name}`) ?? {};
    return [identity, identityColumns];
  });
  expect(sent).toEqual([
    ['default', ['id']],
    ['default', ['a', 'b']],
    ['index', ['id', 'owner']],
    ['full', ['id', 'v']],
    ['nothing', []],
  ]);
});

it('offers only indexes that may serve as identity', () => {
  const names = table('public.by_index')?.indexes.map((index) => index.name);
  expect(names).toEqual(['by_index_pkey', 'by_owner']);
});

it('knows partitions by their leaves, and their root', () => {
  expect(table('public.parted')?.partitions).toEqual(['public.parted_a', 'public.parted_b1']);
  expect(table('public.parted_b1')?.root).toBe('public.parted');
});

it('knows which tables inherit', () => {
  expect(table('public.plain')?.heirs).toEqual(['public.heir']);
  expect(table('public.parted')?.heirs).toBeUndefined();
});

it('knows what the publication sends', () => {
  expect(catalog.publication).toMatchObject({
    name: 'cat',
    exists: true,
    viaRoot: true,
    operations: ['insert', 'update'],
  });
  expect(table('public.plain')?.published).toEqual({});
  expect(table('public.computed')?.published).toEqual({});
  expect(table('public.parted')?.published).toEqual({});
  expect(table('public.whole')?.published).toBeUndefined();
  expect(table('public.computed')?.columns[1]).toMatchObject({ name: 'twice', generated: 'stored' });
});

it('says when there is no publication', async () => {
  const sql = openSql(url, { log: silent, applicationName: 'catalog test' });
  expect((await readCatalog(sql, 'nowhere')).publication).toMatchObject({ exists: false, operations: [] });
  await sql.end();
});
