import { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { date } from '../../../src/rules/functions/date.ts';
import { useDatabase } from '../../harness.ts';
import { randomFrom } from '../../random.ts';

const client = new Client({ connectionString: await useDatabase() });
await client.connect();
afterAll(() => client.end());
await client.query(`set timezone to 'UTC'; set datestyle to 'ISO'`);

const ZONES = ['UTC', 'America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Pacific/Apia'];
/** Seconds since 1970: days around the changes of the clock in New York and Berlin, and days at random from 1975 to 2025. */
const CHANGES = [1772953200, 1793512800, 1774746000, 1792890000];
const numbers = randomFrom(20260308);
const pick = <T>(list: readonly T[]): T => list[Math.floor(numbers.next() * list.length)] ?? (list[0] as T);

function samples(count: number): { seconds: number; zone: string; source: string }[] {
  return Array.from({ length: count }, (_, i) => {
    const near = pick(CHANGES) + (numbers.next() - 0.5) * 2 * 86_400;
    const seconds = i % 2 === 0 ? near : 157_766_400 + numbers.next() * 1.58e9;
    return { seconds: Math.floor(seconds), zone: pick(ZONES), source: pick(ZONES) };
  });
}

describe('date agrees with Postgres', () => {
  it('on the day of a timestamptz in a zone', async () => {
    const asked = samples(2000);
    const { rows } = await client.query(
      `select to_timestamp(s)::text as text, (to_timestamp(s) at time zone z)::date::text as day
       from unnest($1::float8[], $2::text[]) with ordinality as t(s, z, n) order by n`,
      [asked.map(({ seconds }) => seconds), asked.map(({ zone }) => zone)],
    );
    const wrong = rows.filter((row, i) => date.apply(row.text, asked[i]?.zone ?? '') !== row.day);
    expect(wrong).toEqual([]);
  });

  it('on a timestamp of another zone, skipped and repeated hours included', async () => {
    const asked = samples(2000);
    const { rows } = await client.query(
      `select (to_timestamp(s) at time zone 'UTC')::text as text,
              ((to_timestamp(s) at time zone 'UTC') at time zone f at time zone z)::date::text as day
       from unnest($1::float8[], $2::text[], $3::text[]) with ordinality as t(s, f, z, n) order by n`,
      [asked.map(({ seconds }) => seconds), asked.map(({ source }) => source), asked.map(({ zone }) => zone)],
    );
    const wrong = rows.filter(
      (row, i) => date.apply(row.text, asked[i]?.zone ?? '', asked[i]?.source ?? '') !== row.day,
    );
    expect(wrong).toEqual([]);
  });

  it('on the first, the last and the endless days that Postgres knows', async () => {
    const { rows } = await client.query(
      `select t::text as text, (t at time zone 'UTC')::date::text as day from unnest(array[
         '4713-01-01 00:00:00+00 BC', '0001-01-01 00:00:00+00', '0001-12-31 23:59:59+00 BC', '0044-03-15 10:00:00+00 BC',
         '9999-12-31 23:59:59+00', '10000-01-01 00:00:00+00', '20400-02-29 12:00:00+00', '294276-12-31 23:59:59+00',
         'infinity', '-infinity']::timestamptz[]) t`,
    );
    expect(rows.map((row) => date.apply(row.text, 'UTC'))).toEqual(rows.map((row) => row.day));
  });
});
