import { UnstaleError } from '../core/errors/index.ts';
import type { Sql } from '../core/ports.ts';

/** What a new reader on the primary sees: transactions below `xmin`, and those below `xmax` that are not in progress. */
export interface Snapshot {
  /** 64-bit transaction ids, exact as numbers: 2^53 is two million times around the 32-bit counter. */
  readonly xmin: number;
  readonly xmax: number;
  readonly inProgress: ReadonlySet<number>;
}

/** The primary's present snapshot, in one round trip. Throws GATE_ON_STANDBY where the list of running transactions is empty. */
export async function readSnapshot(sql: Sql): Promise<Snapshot> {
  const [row] = await sql.query<{ snapshot: string; standby: boolean }>(
    'select pg_current_snapshot()::text as snapshot, pg_is_in_recovery() as standby',
  );
  if (!row || row.standby) {
    throw new UnstaleError('GATE_ON_STANDBY', 'the database is a standby, where visibility cannot be told');
  }
  return parseSnapshot(row.snapshot);
}

/** `xmin:xmax:xip,...` as `pg_snapshot` prints it: https://www.postgresql.org/docs/current/functions-info.html */
export function parseSnapshot(text: string): Snapshot {
  const [xmin = '', xmax = '', running = ''] = text.split(':');
  const inProgress = new Set(running === '' ? [] : running.split(',').map(Number));
  return { xmin: Number(xmin), xmax: Number(xmax), inProgress };
}

const EPOCH = 2 ** 32;

/**
 * The stream's 32-bit id as the 64-bit one that is nearest to the snapshot: ids in flight are never half the
 * counter's range away (Postgres stops before that to avoid wraparound).
 */
export function fullXid(xid: number, near: number): number {
  const candidate = near - (near % EPOCH) + xid;
  if (candidate - near > EPOCH / 2) return candidate - EPOCH;
  if (near - candidate > EPOCH / 2) return candidate + EPOCH;
  return candidate;
}

/** Is a transaction that has committed (its commit was streamed) seen by readers that start now? */
export function isVisible(xid: number, snapshot: Snapshot): boolean {
  const full = fullXid(xid, snapshot.xmax);
  if (full < snapshot.xmin) return true;
  return full < snapshot.xmax && !snapshot.inProgress.has(full);
}
