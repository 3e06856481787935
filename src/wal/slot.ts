import { UnstaleError } from '../core/errors/index.ts';
import { type Lsn, parseLsn } from '../core/lsn.ts';
import type { Sql } from '../core/ports.ts';
import { classifyReplicationError, sqlState } from './errors.ts';
import { quoteText } from './quote.ts';

/** What `pg_replication_slots` says of the slot. */
export interface SlotState {
  readonly name: string;
  /** `null` for a physical slot. */
  readonly plugin: string | null;
  readonly database: string | null;
  /** Process of the server that reads from it for somebody. */
  readonly activePid?: number | undefined;
  readonly restartLsn?: Lsn | undefined;
  readonly confirmedLsn?: Lsn | undefined;
  /** `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus?: string | undefined;
  /** Bytes that may still be written before the slot is in danger of being lost; absent without such a limit. */
  readonly safeBytes?: number | undefined;
  /** Why the server gave it up, where it says so (Postgres 17 and later). */
  readonly invalidation?: string | undefined;
  /** WAL that the server has written beyond the confirmed position. */
  readonly lagBytes?: number | undefined;
}

/** Throws SLOT_NAME_INVALID. */
export function checkSlotName(name: string): void {
  if (/^[a-z0-9_]{1,63}$/.test(name)) return;
  throw new UnstaleError('SLOT_NAME_INVALID', `the slot name ${JSON.stringify(name)} is not one that Postgres allows`);
}

/** The slot as it is now, or `undefined` where there is none. Columns that a server lacks are absent. */
export async function readSlot(sql: Sql, name: string): Promise<SlotState | undefined> {
  const [row] = await sql.query<SlotRow>(READ_SLOT, [name]);
  if (!row) return undefined;
  return {
    name,
    plugin: row.plugin,
    database: row.database,
    activePid: row.active_pid ?? undefined,
    restartLsn: row.restart_lsn === null ? undefined : parseLsn(row.restart_lsn),
    confirmedLsn: row.confirmed_lsn === null ? undefined : parseLsn(row.confirmed_lsn),
    walStatus: row.wal_status ?? undefined,
    safeBytes: row.safe_bytes === null ? undefined : Number(row.safe_bytes),
    invalidation: row.invalidation ?? undefined,
    lagBytes: row.lag_bytes === null ? undefined : Number(row.lag_bytes),
  };
}

interface SlotRow {
  readonly plugin: string | null;
  readonly database: string | null;
  readonly active_pid: number | null;
  readonly restart_lsn: string | null;
  readonly confirmed_lsn: string | null;
  readonly wal_status: string | null;
  readonly safe_bytes: string | null;
  readonly invalidation: string | null;
  readonly lag_bytes: string | null;
}

/** `to_jsonb` because `invalidation_reason` does not exist before Postgres 17. */
const READ_SLOT = `
  select plugin::text, database::text, active_pid, restart_lsn::text, confirmed_flush_lsn::text as confirmed_lsn,
    wal_status, safe_wal_size::text as safe_bytes, to_jsonb(s) ->> 'invalidation_reason' as invalidation,
    pg_wal_lsn_diff(
      case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, confirmed_flush_lsn
    )::text as lag_bytes
  from pg_replication_slots s where slot_name = $1`;

/** The statement that makes the slot unless it exists, for people who run it themselves. */
export function createSlotSql(name: string): string {
  checkSlotName(name);
  return `select pg_create_logical_replication_slot(${quoteText(name)}, 'pgoutput')
where not exists (select from pg_replication_slots where slot_name = ${quoteText(name)})`;
}

/** The statement that drops the slot if it exists. */
export function dropSlotSql(name: string): string {
  checkSlotName(name);
  return `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = ${quoteText(name)}`;
}

/**
 * Makes the slot unless it exists. Postgres waits for every open transaction to end first: throws SLOT_CREATE_BLOCKED,
 * with their process ids, where that takes longer than a statement may.
 */
export async function createSlot(sql: Sql, name: string): Promise<'created' | 'existed'> {
  try {
    const made = await sql.query(createSlotSql(name));
    return made.length > 0 ? 'created' : 'existed';
  } catch (error) {
    if (sqlState(error) === '42710') return 'existed'; // somebody else made it at the same moment
    if (sqlState(error) === '57014') throw await blocked(sql, name, error);
    throw classifyReplicationError(error);
  }
}

/** Drops the slot if it exists. Throws SLOT_IN_USE while somebody reads from it. */
export async function dropSlot(sql: Sql, name: string): Promise<'dropped' | 'absent'> {
  try {
    const dropped = await sql.query(dropSlotSql(name));
    return dropped.length > 0 ? 'dropped' : 'absent';
  } catch (error) {
    if (sqlState(error) === '42704') return 'absent';
    throw classifyReplicationError(error);
  }
}

/** Ends the server process that still holds the slot for a connection of ours that is gone. */
export async function freeSlot(sql: Sql, name: string, pid: number): Promise<void> {
  await sql.query(
    'select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active_pid = $2',
    [name, pid],
  );
}

async function blocked(sql: Sql, name: string, cause: unknown): Promise<UnstaleError> {
  const open = await sql.query<{ pid: number; application: string; seconds: string }>(`
    select pid, application_name as application, extract(epoch from clock_timestamp() - xact_start)::bigint::text as seconds
    from pg_stat_activity where backend_xid is not null order by xact_start limit 5`);
  const names = open.map((one) => `pid ${one.pid} (${one.application || 'unnamed'}, open for ${one.seconds} s)`);
  const text = `the slot ${name} waits for open transactions: ${names.join(', ') || 'they have just ended'}`;
  return new UnstaleError('SLOT_CREATE_BLOCKED', text, { cause });
}
