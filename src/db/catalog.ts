import type { Catalog, CatalogTable, TableKind } from '../core/catalog.ts';
import type { Sql } from '../core/ports.ts';

/**
 * What the database has of everything outside its system schemas: tables, columns, identities, partitions, and what the
 * publication sends. Three queries; needs no privilege beyond connecting.
 */
export async function readCatalog(sql: Sql, publication: string): Promise<Catalog> {
  const [tables, [server], [published]] = await Promise.all([
    sql.query<TableRow>(TABLES, [publication]),
    sql.query<{ version: number }>("select current_setting('server_version_num')::int / 10000 as version"),
    sql.query<PublicationRow>(PUBLICATION, [publication]),
  ]);
  return {
    tables: new Map(tables.map((row) => [`${row.schema}.${row.name}`, tableOf(row)])),
    publication: {
      name: publication,
      exists: published !== undefined,
      viaRoot: published?.via_root ?? false,
      operations: published?.operations ?? [],
      generatedColumns: published?.generated ?? false,
    },
    version: server?.version ?? 0,
  };
}

interface TableRow {
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly persistence: string;
  readonly partition: boolean;
  readonly identity: string;
  readonly columns: readonly { name: string; type: string; generated: string; notNull: boolean }[];
  readonly indexes: readonly {
    name: string;
    columns: readonly string[];
    primary: boolean;
    identity: boolean;
    fit: boolean;
  }[];
  readonly leaves: readonly string[] | null;
  readonly heirs: readonly string[] | null;
  readonly root: string | null;
  readonly published: { columns: readonly string[] | null; filter: string | null } | null;
}

interface PublicationRow {
  readonly via_root: boolean;
  readonly operations: readonly ('insert' | 'update' | 'delete' | 'truncate')[];
  readonly generated: boolean;
}

const PUBLICATION = `
  select pubviaroot as via_root,
    array_remove(array[
      case when pubinsert then 'insert' end, case when pubupdate then 'update' end,
      case when pubdelete then 'delete' end, case when pubtruncate then 'truncate' end], null) as operations,
    coalesce(to_jsonb(p) ->> 'pubgencols', 'n') = 's' as generated
  from pg_publication p where pubname = $1`;

/**
 * pg_publication_tables names column lists and row filters since Postgres 15; `to_jsonb` reads what is there. Its list
 * of columns is there without a column list too, and then holds all columns.
 */
const TABLES = `
  select n.nspname::text as schema, c.relname::text as name, c.relkind::text as kind, c.relpersistence::text as persistence,
    c.relispartition as partition, c.relreplident::text as identity,
    coalesce((select jsonb_agg(jsonb_build_object('name', attname, 'type', format_type(atttypid, atttypmod),
        'generated', attgenerated::text, 'notNull', attnotnull) order by attnum)
      from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped), '[]') as columns,
    coalesce((select jsonb_agg(jsonb_build_object('name', ic.relname, 'primary', i.indisprimary, 'identity', i.indisreplident,
        'fit', i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null and not 0 = any(i.indkey::int2[])
          and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum = any(i.indkey::int2[])
            and not a.attnotnull),
        'columns', (select coalesce(jsonb_agg(a.attname order by a.attnum), '[]') from pg_attribute a
          where a.attrelid = c.oid and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1]))) order by ic.relname)
      from pg_index i join pg_class ic on ic.oid = i.indexrelid where i.indrelid = c.oid), '[]') as indexes,
    case when c.relkind = 'p' then (
      select coalesce(jsonb_agg(ln.nspname || '.' || l.relname order by ln.nspname, l.relname), '[]')
      from pg_partition_tree(c.oid) t join pg_class l on l.oid = t.relid join pg_namespace ln on ln.oid = l.relnamespace
      where t.isleaf and l.oid <> c.oid) end as leaves,
    (select jsonb_agg(hn.nspname || '.' || h.relname order by hn.nspname, h.relname)
      from pg_inherits i join pg_class h on h.oid = i.inhrelid join pg_namespace hn on hn.oid = h.relnamespace
      where i.inhparent = c.oid and not h.relispartition) as heirs,
    case when c.relispartition then (
      select rn.nspname || '.' || r.relname from pg_class r join pg_namespace rn on rn.oid = r.relnamespace
      where r.oid = pg_partition_root(c.oid)) end as root,
    (select jsonb_build_object('columns', to_jsonb(t) -> 'attnames', 'filter', to_jsonb(t) ->> 'rowfilter')
      from pg_publication_tables t
      where t.pubname = $1 and t.schemaname = n.nspname and t.tablename = c.relname) as published
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname not like 'pg\\_toast%' and n.nspname not like 'pg\\_temp%'`;

const IDENTITIES = { d: 'default', n: 'nothing', f: 'full', i: 'index' } as const;

function tableOf(row: TableRow): CatalogTable {
  const identity = IDENTITIES[row.identity as keyof typeof IDENTITIES] ?? 'nothing';
  const primaryKey = row.indexes.find((index) => index.primary)?.columns ?? [];
  const all = row.columns.map((column) => column.name);
  const stored = row.columns.filter((column) => column.generated === '');
  const identityColumns = {
    default: primaryKey,
    nothing: [],
    full: all,
    index: row.indexes.find((index) => index.identity)?.columns ?? [],
  }[identity];
  const list = row.published?.columns;
  return {
    schema: row.schema,
    name: row.name,
    kind: kindOf(row),
    columns: row.columns.map(({ name, type, generated, notNull }) => ({
      name,
      type,
      generated: generated === 's' ? 'stored' : generated === 'v' ? 'virtual' : false,
      notNull,
    })),
    identity,
    identityColumns,
    primaryKey,
    indexes: row.indexes.filter((index) => index.fit).map(({ name, columns }) => ({ name, columns })),
    ...(row.leaves && { partitions: row.leaves }),
    ...(row.heirs && { heirs: row.heirs }),
    ...(row.root !== null && { root: row.root }),
    ...(row.published && {
      published: {
        ...(list && list.length < stored.length && { columns: list }),
        ...(row.published.filter !== null && { rowFilter: row.published.filter }),
      },
    }),
  };
}

function kindOf({ kind, persistence, partition }: TableRow): TableKind {
  if (persistence === 'u') return 'unlogged';
  if (persistence === 't') return 'temporary';
  if (partition) return 'partition';
  const kinds: Readonly<Record<string, TableKind>> = {
    r: 'table',
    p: 'partitioned',
    v: 'view',
    m: 'materialized view',
    f: 'foreign',
  };
  return kinds[kind] ?? 'other';
}
