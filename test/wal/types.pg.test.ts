import { describe, expect, it } from 'vitest';
import { changesOf, collect, image, useStage } from './stage.ts';

const SAMPLES: Readonly<Record<string, readonly (readonly [literal: string, text: string | null])[]>> = {
  int8: [
    ['9007199254740993', '9007199254740993'],
    ['-9223372036854775808', '-9223372036854775808'],
  ],
  'numeric(30,2)': [['12345678901234567890.10', '12345678901234567890.10']],
  numeric: [
    ['NaN', 'NaN'],
    ['1.000', '1.000'],
  ],
  float8: [
    ['0.1', '0.1'],
    ['1e300', '1e+300'],
    ['-Infinity', '-Infinity'],
  ],
  float4: [['0.30000001', '0.3']],
  bool: [
    ['t', 'true'],
    ['f', 'false'],
  ],
  timestamptz: [
    ['2024-07-01 12:00:00.123456+02', '2024-07-01 10:00:00.123456+00'],
    ['infinity', 'infinity'],
    ['0044-03-15 12:00:00+00 BC', '0044-03-15 12:00:00+00 BC'],
    ['20200-01-01 00:00:00+00', '20200-01-01 00:00:00+00'],
  ],
  timestamp: [
    ['2024-07-01 12:00:00.000001', '2024-07-01 12:00:00.000001'],
    ['-infinity', '-infinity'],
  ],
  date: [
    ['2024-02-29', '2024-02-29'],
    ['0001-01-01 BC', '0001-01-01 BC'],
  ],
  interval: [['1 year 2 mons 3 days 04:05:06.7', '1 year 2 mons 3 days 04:05:06.7']],
  bytea: [['\\x00ff41', '\\x00ff41']],
  uuid: [['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
  'char(4)': [
    ['ab', 'ab'],
    ['    ', ''],
  ],
  text: [
    ["it's: 日本 🐘 * ? [a] \\", "it's: 日本 🐘 * ? [a] \\"],
    ['', ''],
  ],
  'int[]': [
    ['{1,NULL,3}', '{1,NULL,3}'],
    ['{}', '{}'],
  ],
  'text[]': [['{"a,b","c \\" d",null}', '{"a,b","c \\" d",NULL}']],
  jsonb: [['{"b": 9007199254740993, "a": null}', '{"a": null, "b": 9007199254740993}']],
  json: [['{"b":1,  "a":2}', '{"b":1,  "a":2}']],
  numrange: [['[1.0,2.5)', '[1.0,2.5)']],
  inet: [
    ['10.0.0.1/8', '10.0.0.1/8'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['fe80::1', 'fe80::1/128'],
  ],
  cidr: [['10.0.0.0/8', '10.0.0.0/8']],
  'bool[]': [['{t,f}', '{t,f}']],
  name: [['a name', 'a name']],
  '"char"': [['x', 'x']],
  money: [['1234.50', '$1,234.50']],
  xml: [['<a/>', '<a/>']],
  macaddr: [['08:00:2B:01:02:03', '08:00:2b:01:02:03']],
  tsvector: [['b a', "'a' 'b'"]],
  point: [['(1,2)', '(1,2)']],
  timetz: [['04:05:06.7+02', '04:05:06.7+02']],
  bit: [['1', '1']],
  oid: [['4294967295', '4294967295']],
  regclass: [['pg_class', 'pg_class']],
  mood: [['very sad', 'very sad']],
};

const rows = Object.entries(SAMPLES).flatMap(([type, samples]) =>
  samples.map(([literal, text]) => ({ type, literal, text })),
);
const columns = rows.map(({ type }, i) => `c${i} ${type}`).join(', ');
const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;

// Whatever the database prefers, the stream is as the rules say: UTC, ISO, hex.
const stage = await useStage({
  ddl: [
    `do $$ begin
      execute format('alter database %I set DateStyle = ''SQL, DMY''', current_database());
      execute format('alter database %I set TimeZone = ''Asia/Tokyo''', current_database());
      execute format('alter database %I set IntervalStyle = ''iso_8601''', current_database());
      execute format('alter database %I set bytea_output = ''escape''', current_database());
      execute format('alter database %I set extra_float_digits = -10', current_database());
    end $$`,
    "create type mood as enum ('very sad', 'ok')",
    `create table sample (${columns})`,
    'alter table sample replica identity full',
  ],
  tables: [{ schema: 'public', name: 'sample' }],
});

describe('values in the stream', () => {
  it('are the text that Postgres prints in UTC, ISO and hex, digit by digit', async () => {
    const stream = stage.open();
    await stage.run(
      "set datestyle = 'ISO'; set timezone = 'UTC'",
      `insert into sample values (${rows.map(({ literal }) => quote(literal)).join(', ')})`,
      'delete from sample',
    );
    const got = await collect(stream, 2);
    const [inserted, deleted] = changesOf(got);
    const expected = Object.fromEntries(rows.map(({ text }, i) => [`c${i}`, text]));
    expect(inserted && image(inserted, 'after')).toEqual(expected);
    expect(deleted && image(deleted, 'before')).toEqual(expected);
    stream.finish(got);
  });

  it('equal what a lookup of the same row gives', async () => {
    const stream = stage.open();
    await stage.run(`insert into sample values (${rows.map(({ literal }) => quote(literal)).join(', ')})`);
    const [inserted] = changesOf(await collect(stream, 1));
    const [looked] = await stage.sql.query(
      `select ${rows.map((_, i) => `c${i}::text as c${i}`).join(', ')} from sample`,
    );
    const streamed = inserted && image(inserted, 'after');
    expect(streamed).toEqual(looked);
  });
});
