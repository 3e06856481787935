import { describe, expect, it } from 'vitest';
import { changesOf, collect, describeChange, ids, useStage } from './stage.ts';

const TABLES = ['item', 'item_full', 'item_index', 'item_nothing', 'part', 'docs', 'docs_full', 'Weird "Näme', 'order'];
const big = (seed: string) => `(select string_agg(md5(${seed} || i::text), '') from generate_series(1, 300) i)`;

const stage = await useStage({
  ddl: [
    'create table item (id int primary key, name text)',
    'create table item_full (id int primary key, name text)',
    'alter table item_full replica identity full',
    'create table item_index (id int primary key, branch int not null, code text not null)',
    'create unique index item_index_by on item_index (code, branch)',
    'alter table item_index replica identity using index item_index_by',
    'create table item_nothing (id int, name text)',
    'alter table item_nothing replica identity nothing',
    'create table docs (id int primary key, body text, n int)',
    'create table docs_full (id int primary key, body text, n int)',
    'alter table docs_full replica identity full',
    'create table part (id int, at int, primary key (id, at)) partition by range (at)',
    'create table part_1 partition of part for values from (0) to (10)',
    'create table part_2 partition of part for values from (10) to (20) partition by range (at)',
    'create table part_2_1 partition of part_2 for values from (10) to (20)',
    'create table "Weird ""Näme" ("Id" int primary key, "日本 💥" text)',
    'create table "order" ("select" int primary key)',
    'create schema "My.Schema"',
    'create table unwatched (id int primary key)',
  ],
  publication: `My "Pub'lication ü`,
  tables: TABLES.map((name) => ({ schema: 'public', name })),
});

async function changes(count: number, ...statements: readonly string[]): Promise<readonly string[]> {
  const stream = stage.open({ horizonMs: 0 });
  await stage.run(...statements);
  const got = await collect(stream, count);
  const described = changesOf(got).map(describeChange);
  stream.finish(got);
  await stream.stop();
  return described;
}

describe('changes of a row', () => {
  it('carry the old key under the default identity only where it changed', async () => {
    expect(
      await changes(
        4,
        "insert into item values (1, 'a')",
        "update item set name = 'b'",
        'update item set id = 2',
        'delete from item',
      ),
    ).toEqual([
      'insert item {"id":"1","name":"a"}',
      'update item {"id":"1","name":"b"}',
      'update item {"id":"1"} {"id":"2","name":"b"}',
      'delete item {"id":"2"}',
    ]);
  });

  it('carry the whole old row under the full identity', async () => {
    expect(
      await changes(
        3,
        'insert into item_full values (1, null)',
        "update item_full set name = 'b'",
        'delete from item_full',
      ),
    ).toEqual([
      'insert item_full {"id":"1","name":null}',
      'update item_full {"id":"1","name":null} {"id":"1","name":"b"}',
      'delete item_full {"id":"1","name":"b"}',
    ]);
  });

  it('carry the columns of the index that is the identity, by name and not by place', async () => {
    expect(
      await changes(
        3,
        "insert into item_index values (1, 5, 'x')",
        'update item_index set branch = 6',
        'delete from item_index',
      ),
    ).toEqual([
      'insert item_index {"id":"1","branch":"5","code":"x"}',
      'update item_index {"branch":"5","code":"x"} {"id":"1","branch":"6","code":"x"}',
      'delete item_index {"branch":"6","code":"x"}',
    ]);
  });

  it('come as inserts of a table without identity, of which Postgres refuses updates', async () => {
    expect(await changes(1, "insert into item_nothing values (1, 'a')")).toEqual([
      'insert item_nothing {"id":"1","name":"a"}',
    ]);
    await expect(stage.run('update item_nothing set id = 2')).rejects.toThrow(/replica identity/);
  });

  it('say which large value was not sent, and have it in the old row under the full identity', async () => {
    const stream = stage.open();
    await stage.run(
      `insert into docs select 1, ${big("'a'")}, 1`,
      'update docs set n = 2',
      `insert into docs_full select 1, ${big("'b'")}, 1`,
      'update docs_full set n = 2',
    );
    const got = await collect(stream, 4);
    const [, update, , full] = changesOf(got);
    expect([update?.after?.at(1), update?.after?.at(2), update?.before]).toEqual([undefined, '2', undefined]);
    expect(full?.after?.at(1)).toBeUndefined();
    expect(full?.before?.at(1)?.length).toBe(9600);
    stream.finish(got);
  });
});

describe('changes of tables', () => {
  it('come with one change for each watched table of a truncate, through foreign keys too', async () => {
    await stage.run(
      'create table child (id int primary key, parent int references item)',
      `alter publication "My ""Pub'lication ü" add table child`,
    );
    const got = await changes(4, 'truncate item_full, docs', 'truncate item cascade');
    expect(got.slice(0, 2).toSorted()).toEqual(['truncate docs', 'truncate item_full']);
    expect(got.slice(2).toSorted()).toEqual(['truncate child', 'truncate item']);
  });

  it('come under the name of the partitioned table, a row that moves between partitions as delete and insert', async () => {
    expect(await changes(4, 'insert into part values (1, 5)', 'update part set at = 15', 'truncate part')).toEqual([
      'insert part {"id":"1","at":"5"}',
      'delete part {"id":"1","at":"5"}',
      'insert part {"id":"1","at":"15"}',
      'truncate part',
    ]);
  });

  it('come under names with capitals, quotes, blanks and letters of any script', async () => {
    expect(await changes(2, `insert into "Weird ""Näme" values (1, '日本')`, 'insert into "order" values (3)')).toEqual(
      ['insert Weird "Näme {"Id":"1","日本 💥":"日本"}', 'insert order {"select":"3"}'],
    );
  });

  it('follow columns that are added and dropped between two rows of one transaction', async () => {
    expect(
      await changes(
        3,
        'begin',
        "insert into item values (10, 'a')",
        'alter table item add extra int default 7',
        "insert into item values (11, 'b', 8)",
        'alter table item drop extra',
        "insert into item values (12, 'c')",
        'commit',
      ),
    ).toEqual([
      'insert item {"id":"10","name":"a"}',
      'insert item {"id":"11","name":"b","extra":"8"}',
      'insert item {"id":"12","name":"c"}',
    ]);
  });

  it('do not come from tables that are not in the publication', async () => {
    expect(await changes(1, 'insert into unwatched values (1)', "insert into item values (20, 'x')")).toEqual([
      'insert item {"id":"20","name":"x"}',
    ]);
  });
});

describe('transactions', () => {
  it('come without what was rolled back, also to a savepoint', async () => {
    expect(
      await changes(
        2,
        'begin',
        "insert into item values (30, 'lost')",
        'rollback',
        'begin',
        "insert into item values (31, 'kept')",
        'savepoint s',
        "insert into item values (32, 'lost')",
        'rollback to s',
        "insert into item values (33, 'kept')",
        'commit',
      ),
    ).toEqual(['insert item {"id":"31","name":"kept"}', 'insert item {"id":"33","name":"kept"}']);
  });

  it('come in the order of their commits, not of their beginnings', async () => {
    const stream = stage.open();
    const [first, second] = [await stage.session(), await stage.session()];
    await first.query("begin; insert into item values (40, 'begun first')");
    await second.query("begin; insert into item values (41, 'begun second')");
    await second.query('commit');
    await first.query('commit');
    const got = await collect(stream, 2);
    expect(ids(got)).toEqual(['41', '40']);
    expect(got.map((one) => one.commitLsn)).toEqual(
      got.map((one) => one.commitLsn).toSorted((a, b) => (a < b ? -1 : 1)),
    );
    stream.finish(got);
  });

  it('carry their id and the time of their commit', async () => {
    const stream = stage.open();
    const client = await stage.session();
    const { rows } = await client.query<{ xid: string; ms: string }>(`
      insert into item values (50, 'x')
      returning (pg_current_xact_id()::text::bigint % (2::bigint ^ 32)::bigint)::text as xid,
        (extract(epoch from clock_timestamp()) * 1000)::text as ms`);
    const got = await collect(stream, 1);
    const [transaction] = got;
    stream.finish(got);
    expect(transaction?.xid).toBe(Number(rows[0]?.xid));
    expect(Math.abs((transaction?.committedAtMs ?? 0) - Number(rows[0]?.ms))).toBeLessThan(2000);
  });

  it('carry the marks that were written in them, and nothing of others', async () => {
    const stream = stage.open();
    await stage.run(
      'begin',
      "select pg_logical_emit_message(true, 'unstale', 'nonce 1')",
      "insert into item values (60, 'x')",
      "select pg_logical_emit_message(true, 'theirs', 'x')",
      'commit',
      "select pg_logical_emit_message(false, 'unstale', 'not a mark')",
      'begin',
      "select pg_logical_emit_message(true, 'unstale', 'lone')",
      'commit',
      "insert into item values (61, 'x')",
    );
    const got = await collect(stream, 2);
    expect(got.map((one) => [one.marks, one.changes.length])).toEqual([
      [['nonce 1'], 1],
      [['lone'], 0],
      [[], 1],
    ]);
    stream.finish(got);
  });

  it('of any size come in slices of bounded size, of which only the last says so', async () => {
    const stream = stage.open({ sliceChanges: 1000, maxBytesInFlight: 200_000 });
    await stage.run("insert into item select i, 'x' from generate_series(1000, 50999) i");
    const seen: number[] = [];
    let most = 0;
    for (let last = false; !last; ) {
      most = Math.max(most, stream.status().bytesInFlight);
      const taken = (await stream.take()) ?? [];
      for (const slice of taken) {
        seen.push(slice.changes.length);
        last = slice.last;
      }
      stream.release(taken);
    }
    expect(seen.reduce((a, b) => a + b)).toBe(50_000);
    expect(Math.max(...seen)).toBe(1000);
    expect(most, 'limit, one read, one slice').toBeLessThan(200_000 + 65_536 + 100_000);
  });

  it('keep their values, however much is read after them', async () => {
    const stream = stage.open();
    await stage.run(`
      do $$ begin for i in 60000..64999 loop
        insert into item values (i, repeat(chr(65 + i % 26), i % 300)); if i % 7 = 0 then commit; end if;
      end loop; end $$`);
    const got = changesOf(await collect(stream, (all) => ids(all).includes('64999')));
    const rows = got.filter((change) => Number(change.after?.at(0)) >= 60_000);
    expect(rows.map((change) => change.after?.at(1))).toEqual(
      Array.from({ length: 5000 }, (_, i) => String.fromCharCode(65 + ((60_000 + i) % 26)).repeat((60_000 + i) % 300)),
    );
  });
});
