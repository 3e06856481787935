import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silent } from '../../src/core/ports.ts';
import { classifyPostgresError } from '../../src/db/errors.ts';
import { openSql } from '../../src/db/sql.ts';
import { useDatabase } from '../harness.ts';

const url = await useDatabase();
const role = `sql_test_${process.pid}`;

const open = (to: string, statementTimeoutMs?: number) =>
  openSql(to, { log: silent, applicationName: 'sql test', ...(statementTimeoutMs && { statementTimeoutMs }) });

async function codeOf(to: string, text: string, statementTimeoutMs?: number): Promise<unknown> {
  const sql = open(to, statementTimeoutMs);
  try {
    await sql.query(text);
    return 'no error';
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  } finally {
    await sql.end();
  }
}

function as(user: string, more: Record<string, string> = {}): string {
  const to = new URL(url);
  to.username = user;
  for (const [name, value] of Object.entries(more)) to.searchParams.set(name, value);
  return to.href;
}

beforeAll(async () => {
  const sql = open(url);
  await sql.query(`create role ${role} login`);
  await sql.query('create table secret (id int)');
  await sql.end();
});

afterAll(async () => {
  const sql = open(url);
  await sql.query(`drop role ${role}`);
  await sql.end();
});

describe('what the database reports', () => {
  it('gets a code that says whose fault it is and how soon to try again', async () => {
    expect(await codeOf(url, 'select 1')).toBe('no error');
    expect(await codeOf(url, 'selec 1')).toBe('DATABASE_QUERY');
    expect(await codeOf(url, 'select pg_sleep(5)', 50)).toBe('DATABASE_TIMEOUT');
    expect(await codeOf(as(role), 'select * from secret')).toBe('DATABASE_FORBIDDEN');
    expect(await codeOf(as('nobody_of_that_name'), 'select 1')).toBe('DATABASE_AUTH');
    expect(await codeOf(url.replace(/\/[^/]*$/, '/no_such_database'), 'select 1')).toBe('DATABASE_AUTH');
    expect(await codeOf('postgres://127.0.0.1:1/x', 'select 1')).toBe('DATABASE_UNREACHABLE');
    expect(await codeOf('postgres://no-such-host.invalid/x', 'select 1')).toBe('DATABASE_UNREACHABLE');
    expect(await codeOf(as(role, { sslmode: 'require' }), 'select 1')).toBe('DATABASE_TLS');
  });

  it.each([
    ['53300', 'DATABASE_BUSY'], // too many clients already
    ['53200', 'DATABASE_BUSY'], // out of memory
    ['57P03', 'DATABASE_UNREACHABLE'], // the database system is starting up
    ['25006', 'DATABASE_UNREACHABLE'], // cannot execute ... in a read-only transaction
    ['55P03', 'DATABASE_TIMEOUT'], // canceling statement due to lock timeout
    ['28P01', 'DATABASE_AUTH'], // password authentication failed
    ['22012', 'DATABASE_QUERY'], // division by zero
    ['EPIPE', 'DATABASE_UNREACHABLE'],
    ['ECONNRESET', 'DATABASE_UNREACHABLE'],
    ['CERT_HAS_EXPIRED', 'DATABASE_TLS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'DATABASE_TLS'],
  ])('state %s is %s', (state, code) => {
    expect(classifyPostgresError(Object.assign(new Error('some text'), { code: state })).code).toBe(code);
  });

  it('is what the driver says, where it is the driver', () => {
    const code = (message: string) => classifyPostgresError(new Error(message)).code;
    expect(code('Connection terminated unexpectedly')).toBe('DATABASE_UNREACHABLE');
    expect(code('timeout exceeded when trying to connect')).toBe('DATABASE_UNREACHABLE');
    expect(code('Query read timeout')).toBe('DATABASE_TIMEOUT');
    expect(code('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string')).toBe('DATABASE_AUTH');
  });
});

describe('values', () => {
  it('print as they do in the WAL stream, whatever the role or the URL has set', async () => {
    const sql = open(url);
    await sql.query(`alter role ${role} set timezone = 'Asia/Kolkata'`);
    await sql.query(`alter role ${role} set datestyle = 'German'`);
    const mine = open(as(role, { options: '-c timezone=Asia/Tokyo' }));
    const [row] = await mine.query(
      `select '2026-03-08 07:30:00.123456+00'::timestamptz::text as t, '\\xff'::bytea::text as b, 0.1::float8::text as f`,
    );
    expect(row).toEqual({ t: '2026-03-08 07:30:00.123456+00', b: '\\xff', f: '0.1' });
    await Promise.all([sql.end(), mine.end()]);
  });
});
