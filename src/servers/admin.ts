import { randomBytes } from 'node:crypto';
import { quoteIdentifier } from '../core/catalog.ts';
import { silent } from '../core/ports.ts';
import { openSql } from '../db/sql.ts';
import { quoteText } from '../wal/quote.ts';

/** Runs statements one by one on a connection of its own. Returns the rows of the last one. */
export async function sql(url: string, ...statements: string[]): Promise<readonly Record<string, unknown>[]> {
  const database = openSql(url, { log: silent, applicationName: 'unstale servers', max: 1 });
  try {
    let rows: readonly Record<string, unknown>[] = [];
    for (const statement of statements) rows = await database.query(statement);
    return rows;
  } finally {
    await database.end();
  }
}

/** Creates an empty database and returns its URL. */
export async function createDatabase(
  serverUrl: string,
  name = `test_${randomBytes(6).toString('hex')}`,
): Promise<string> {
  await sql(serverUrl, `create database ${quoteIdentifier(name)} template template0`);
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

/**
 * Drops a database with whatever holds it. `force` ends sessions and drops idle slots, but it refuses where a slot is in
 * use (dropdb() in src/backend/commands/dbcommands.c), so these sessions are ended first.
 */
export async function dropDatabase(serverUrl: string, url: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1));
  const users = `from pg_replication_slots where active and database = ${quoteText(name)}`;
  for (let attempt = 1; ; attempt++) {
    try {
      await sql(
        serverUrl,
        `select pg_terminate_backend(active_pid, 2000) ${users}`,
        `drop database if exists ${quoteIdentifier(name)} with (force)`,
      );
      return;
    } catch (error) {
      // A client that reconnects takes its slot again between the two statements.
      if (attempt === 5) throw error;
    }
  }
}
