import { UnstaleError } from '../core/errors/index.ts';
import { type Lsn, NO_LSN } from '../core/lsn.ts';
import type { Sql } from '../core/ports.ts';
import type { Known } from './known.ts';
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
  readonly known: Known;
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
  if (namesUs(row.standbys)) {
    throw new UnstaleError('STREAM_SYNCHRONOUS', `synchronous_standby_names is ${JSON.stringify(row.standbys)}`);
  }
  const known = {
    plainTables: new Set(row.plain),
    mixedTables: new Set(row.mixed),
    baseTypes: new Map(row.domains.map(({ oid, base }) => [Number(oid), Number(base)])),
  };
  const facts = { publicationOid: Number(row.oid), known };
  if (options.temporarySlot) return { confirmedLsn: NO_LSN, ...facts };
  const state = checkSlot(await readSlot(sql, slot), { slot, database: row.database });
  return { confirmedLsn: state.confirmedLsn ?? NO_LSN, ...facts };
}

/**
 * Does `synchronous_standby_names` take in a stream with our application name? `*`, or that name; case does not count.
 * https://www.postgresql.org/docs/current/runtime-config-replication.html#GUC-SYNCHRONOUS-STANDBY-NAMES
 */
export function namesUs(setting: string): boolean {
  return setting.split(/[\s,()]+/).some((name) => name === '*' || /^("?)(\*|unstale)\1$/i.test(name));
}

interface FactsRow {
  readonly standbys: string;
  readonly mixed: readonly string[];
  readonly domains: readonly { readonly oid: string; readonly base: string }[];
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
      where t.pubname = $1 and c.relkind = 'r' and not c.relispartition), '{}') as plain,
    current_setting('synchronous_standby_names') as standbys,
    coalesce((select array_agg(n.nspname || '.' || c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'p' and exists (select from pg_partition_tree(c.oid) p join pg_class l on l.oid = p.relid
        where p.isleaf and l.relreplident in ('i', 'n'))), '{}') as mixed,
    coalesce((with recursive base (oid, typbasetype) as (
        select oid, typbasetype from pg_type where typtype = 'd'
        union all select b.oid, t.typbasetype from base b join pg_type t on t.oid = b.typbasetype and t.typtype = 'd')
      select jsonb_agg(jsonb_build_object('oid', b.oid::text, 'base', b.typbasetype::text))
      from base b join pg_type t on t.oid = b.typbasetype and t.typtype <> 'd'), '[]') as domains`;

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
