import { UnstaleError } from '../core/errors/index.ts';
import { type Lsn, NO_LSN } from '../core/lsn.ts';
import type { Sql } from '../core/ports.ts';
import { readSlot, type SlotState } from './slot.ts';

export interface PreflightOptions {
  readonly sql: Sql;
  readonly slot: string;
  readonly publication: string;
  readonly temporarySlot: boolean;
}

export interface Ready {
  /** What the slot confirms: it may be reported before anything has come in. */
  readonly confirmedLsn: Lsn;
  readonly publicationOid: number;
  /** Tables, `schema.name`, that are published and not partitioned. */
  readonly plainTables: ReadonlySet<string>;
}

/**
 * Looks whether the database can be streamed from, before a connection for replication is opened: the errors are
 * clearer here than those of the server in the middle of the stream, and since Postgres 18 a missing publication is none.
 */
export async function preflight(options: PreflightOptions): Promise<Ready> {
  const { sql, slot, publication } = options;
  const [row] = await sql.query<FactsRow>(FACTS, [publication]);
  if (row?.wal_level !== 'logical') {
    throw new UnstaleError('WAL_LEVEL_NOT_LOGICAL', `wal_level is ${row?.wal_level}, not logical`);
  }
  if (row.oid === null) {
    throw new UnstaleError('PUBLICATION_MISSING', `the publication ${publication} does not exist in ${row.database}`);
  }
  const facts = { publicationOid: Number(row.oid), plainTables: new Set(row.plain) };
  if (options.temporarySlot) return { confirmedLsn: NO_LSN, ...facts };
  const state = checkSlot(await readSlot(sql, slot), { slot, database: row.database });
  return { confirmedLsn: state.confirmedLsn ?? NO_LSN, ...facts };
}

interface FactsRow {
  readonly wal_level: string;
  readonly database: string;
  readonly oid: string | null;
  readonly plain: readonly string[];
}

const FACTS = `
  select current_setting('wal_level') as wal_level, current_database()::text as database,
    (select oid::bigint::text from pg_publication where pubname = $1) as oid,
    coalesce((select array_agg(t.schemaname || '.' || t.tablename) from pg_publication_tables t
      join pg_namespace n on n.nspname = t.schemaname
      join pg_class c on c.relnamespace = n.oid and c.relname = t.tablename
      where t.pubname = $1 and c.relkind = 'r' and not c.relispartition), '{}') as plain`;

/** Throws what stands in the way of reading from the slot. */
export function checkSlot(state: SlotState | undefined, of: { slot: string; database: string }): SlotState {
  const { slot, database } = of;
  if (!state) throw new UnstaleError('SLOT_MISSING', `the replication slot ${slot} does not exist`);
  if (state.plugin !== 'pgoutput' || state.database !== database) {
    const kind = state.plugin === null ? 'physical' : `for ${state.plugin} in the database ${state.database}`;
    throw new UnstaleError('SLOT_WRONG_KIND', `the slot ${slot} is ${kind}, not for pgoutput in ${database}`);
  }
  if (state.walStatus === 'lost' || state.invalidation) {
    const reason = state.invalidation ?? 'WAL it needs was removed';
    throw new UnstaleError('SLOT_LOST', `the slot ${slot} is lost: ${reason}`);
  }
  if (state.activePid !== undefined) {
    throw new UnstaleError('SLOT_IN_USE', `the slot ${slot} is read through the server process ${state.activePid}`);
  }
  return state;
}
