import { Pool, type PoolConfig } from 'pg';
import type { Log, Sql } from '../core/ports.ts';
import { classifyPostgresError } from './errors.ts';

export interface SqlPool extends Sql {
  /** Closes the connections. Idempotent. */
  end(): Promise<void>;
}

export interface SqlOptions {
  readonly log: Log;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Connections at most. */
  readonly max?: number;
  /** A statement that takes longer is cancelled: nothing here may wait for ever on a lock. */
  readonly statementTimeoutMs?: number;
}

/**
 * Queries on the primary. Values print as they do in the WAL stream (UTC, ISO, hex), so that what is looked up equals
 * what is streamed. Rejects with an UnstaleError.
 */
export function openSql(connectionString: string, options: SqlOptions): SqlPool {
  const pool = new Pool(poolConfig(connectionString, options));
  // An idle connection that breaks is replaced by the next query; without a listener it would end the process.
  pool.on('error', (error) => options.log.debug({ error: error.message }, 'an idle database connection broke'));
  let ended: Promise<void> | undefined;
  return {
    async query<T extends object>(text: string, params: readonly unknown[] = []) {
      try {
        const { rows } = await pool.query({ text, values: [...params] });
        return rows as T[];
      } catch (error) {
        throw classifyPostgresError(error);
      }
    },
    end: () => {
      ended ??= pool.end();
      return ended;
    },
  };
}

/** Output settings under which a value's text is the same here, in the stream and in rule files: statements for a session. */
export const SESSION_SETTINGS = [
  "set timezone = 'UTC'",
  "set datestyle = 'ISO, YMD'",
  "set intervalstyle = 'postgres'",
  "set bytea_output = 'hex'",
  'set extra_float_digits = 1',
].join('; ');

function poolConfig(connectionString: string, options: SqlOptions): PoolConfig {
  return {
    connectionString,
    application_name: options.applicationName,
    max: options.max ?? 3,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    statement_timeout: options.statementTimeoutMs ?? 30_000,
    query_timeout: (options.statementTimeoutMs ?? 30_000) + 5_000,
    allowExitOnIdle: true,
    // As statements, and not in the startup packet: there, `options` of the connection string would replace them. The pool
    // waits for the promise, and gives up the connection where it fails.
    onConnect: async (client) => {
      await client.query(SESSION_SETTINGS);
    },
  };
}
