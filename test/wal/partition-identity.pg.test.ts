import { expect, it } from 'vitest';
import { type Change, newValue, oldValue } from '../../src/core/change.ts';
import { changesOf, collect, useStage } from './stage.ts';

const stage = await useStage({
  ddl: [
    'create table part (id int not null, at int not null, owner text, primary key (id, at)) partition by range (at)',
    'create table part_1 partition of part for values from (0) to (10)',
    'alter table part replica identity full',
    'alter table part_1 replica identity full',
    // Made after setup, so with the default identity: its old rows hold the primary key only.
    'create table part_2 partition of part for values from (10) to (20)',
    'create table plain (id int primary key, owner text)',
    'alter table plain replica identity full',
  ],
  tables: [
    { schema: 'public', name: 'part' },
    { schema: 'public', name: 'plain' },
  ],
});

async function changesAfter(count: number, ...statements: readonly string[]): Promise<readonly Change[]> {
  const stream = stage.open();
  await stage.run(...statements);
  const slices = await collect(stream, count);
  const changes = changesOf(slices);
  stream.finish(slices);
  await stream.stop();
  return changes;
}

const olds = (change: Change | undefined) => change && [0, 1, 2].map((index) => oldValue(change, index));

it('a column that a partition did not log is unknown, not null', async () => {
  const changes = await changesAfter(
    6,
    `insert into part values (1, 5, 'ann'), (2, 15, 'bob'), (3, 5, null)`,
    'delete from part where id = 1',
    'delete from part where id = 2',
    'delete from part where id = 3',
  );
  const [, , , whole, partly, none] = changes;
  expect(olds(whole)).toEqual(['1', '5', 'ann']);
  expect(olds(partly)).toEqual(['2', '15', undefined]);
  // A real null of a partitioned table cannot be told from one that was not logged.
  expect(olds(none)).toEqual(['3', '5', undefined]);
});

it('a null of a table that is not partitioned is a null', async () => {
  const [inserted, deleted] = await changesAfter(2, 'insert into plain values (1, null)', 'delete from plain');
  expect(inserted && newValue(inserted, 1)).toBeNull();
  expect(deleted && oldValue(deleted, 1)).toBeNull();
});
