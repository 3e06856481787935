import { describe, expect, it } from 'vitest';
import { oldValue } from '../../src/core/change.ts';
import { namesUs } from '../../src/wal/preflight.ts';
import { usePostgres } from '../harness.ts';
import { changesOf, collect, useStage } from './stage.ts';

const stage = await useStage({
  ddl: [
    'create domain flag as bool',
    'create domain nested_flag as flag',
    'create domain code as char(4)',
    'create domain address as inet',
    'create table domains (id int primary key, f flag, n nested_flag, c code, a address)',
    'create table mixed (id int not null, at int not null, owner int not null, primary key (id, at)) partition by range (at)',
    'create table mixed_1 partition of mixed for values from (0) to (10)',
    'create unique index mixed_1_owner on mixed_1 (owner)',
    'alter table mixed_1 replica identity using index mixed_1_owner',
  ],
  tables: [
    { schema: 'public', name: 'domains' },
    { schema: 'public', name: 'mixed' },
  ],
});

it('a column of a domain type prints as the cast to text does, like one of the type itself', async () => {
  const stream = stage.open();
  await stage.run(`insert into domains values (1, true, false, 'ab', '10.0.0.1')`);
  const slices = await collect(stream, 1);
  const [change] = changesOf(slices);
  const [row] = await stage.sql.query('select f::text, n::text, c::text, a::text from domains');
  expect([1, 2, 3, 4].map((index) => change?.after?.at(index))).toEqual(Object.values(row ?? {}));
  stream.finish(slices);
});

it('an update of a partition that logs by an index of its own says nothing of the old primary key', async () => {
  const stream = stage.open();
  await stage.run('insert into mixed values (1, 5, 7)', 'update mixed set id = 2');
  const slices = await collect(stream, (all) => changesOf(all).some((change) => change.op === 'update'));
  const update = changesOf(slices).find((change) => change.op === 'update');
  expect(update && oldValue(update, 0)).toBeUndefined();
  stream.finish(slices);
});

describe('synchronous replication', () => {
  it.each(['*', 'FIRST 1 (*)', 'ANY 2 (a, *, b)', '"*"', 'unstale', 'FIRST 1 (a, Unstale)', '"unstale"'])(
    'that names us is recognised: %s',
    (setting) => {
      expect(namesUs(setting)).toBe(true);
    },
  );

  it.each(['', 'standby', 'FIRST 1 (a, b)', 'not_unstale', 'ANY 1 (unstale2)'])(
    'that does not is none of our business: %j',
    (setting) => {
      expect(namesUs(setting)).toBe(false);
    },
  );

  it('is refused where it would take us for a standby, since commits would hang', async () => {
    const server = await usePostgres({ settings: { synchronous_standby_names: '*', synchronous_commit: 'local' } });
    const url = new URL(server.url);
    const other = await useStage({
      ddl: ['create table item (id int primary key)'],
      tables: [{ schema: 'public', name: 'item' }],
      url: url.href,
    });
    await expect(other.open().take()).rejects.toMatchObject({ code: 'STREAM_SYNCHRONOUS' });
  });
});
