import { quoteIdentifier } from '../core/catalog.ts';
import { UnstaleError } from '../core/errors/index.ts';
import type { Sql } from '../core/ports.ts';
import { quoteBlock, quoteText } from './quote.ts';

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** What the catalog says of a publication. */
export interface PublicationState {
  readonly name: string;
  readonly oid: number;
  readonly allTables: boolean;
  /** Changes of partitions come under the name of the root. */
  readonly viaRoot: boolean;
  /** `insert`, `update`, `delete`, `truncate`: those that are sent. */
  readonly operations: readonly string[];
  /** `schema.name`, sorted. */
  readonly tables: readonly string[];
}

/** `schema.name` as rule files write it: what stands before the first dot is the schema. */
export function tableName(table: string): TableName {
  const dot = table.indexOf('.');
  return dot < 0 ? { schema: 'public', name: table } : { schema: table.slice(0, dot), name: table.slice(dot + 1) };
}

/** The publication as it is now, or `undefined` where there is none. */
export async function readPublication(sql: Sql, name: string): Promise<PublicationState | undefined> {
  const [row] = await sql.query<PublicationRow>(READ_PUBLICATION, [name]);
  if (!row) return undefined;
  return {
    name,
    oid: Number(row.oid),
    allTables: row.all_tables,
    viaRoot: row.via_root,
    operations: row.operations,
    tables: row.tables,
  };
}

interface PublicationRow {
  readonly oid: string;
  readonly all_tables: boolean;
  readonly via_root: boolean;
  readonly operations: readonly string[];
  readonly tables: readonly string[];
}

const READ_PUBLICATION = `
  select p.oid::bigint::text as oid, puballtables as all_tables, pubviaroot as via_root,
    array_remove(array[
      case when pubinsert then 'insert' end, case when pubupdate then 'update' end,
      case when pubdelete then 'delete' end, case when pubtruncate then 'truncate' end], null) as operations,
    coalesce((select array_agg(schemaname || '.' || tablename order by schemaname, tablename)
      from pg_publication_tables t where t.pubname = p.pubname), '{}') as tables
  from pg_publication p where pubname = $1`;

const OPTIONS = "publish = 'insert, update, delete, truncate', publish_via_partition_root = true";

/**
 * The statements that make the publication, and add these tables to it, where that is not done yet. Only the tables
 * that are watched: all others cost nothing then. Each may be run again at any time.
 */
export function publicationSql(name: string, tables: readonly TableName[]): readonly string[] {
  checkPublicationName(name);
  const create = `create publication ${quoteIdentifier(name)} with (${OPTIONS})`;
  const unlessThere = `not exists (select from pg_publication where pubname = ${quoteText(name)})`;
  const set = `alter publication ${quoteIdentifier(name)} set (${OPTIONS})`;
  return [onlyIf(unlessThere, create), set, ...tables.map((table) => addTableSql(name, table))];
}

/** `only`: tables that inherit from it are other tables. (Partitions come with their root all the same.) */
function addTableSql(name: string, table: TableName): string {
  const add = `alter publication ${quoteIdentifier(name)} add table only ${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const missing = `not exists (
    select from pg_publication_tables
    where pubname = ${quoteText(name)} and schemaname = ${quoteText(table.schema)} and tablename = ${quoteText(table.name)})`;
  return onlyIf(missing, add);
}

function onlyIf(condition: string, statement: string): string {
  return `do ${quoteBlock(` begin if ${condition} then\n  ${statement};\nend if; end `)}`;
}

/** Makes the publication and adds the tables that it lacks; takes none away. Needs to own the tables. */
export async function ensurePublication(sql: Sql, name: string, tables: readonly TableName[]): Promise<void> {
  for (const statement of publicationSql(name, tables)) await sql.query(statement);
}

export function dropPublicationSql(name: string): string {
  return `drop publication if exists ${quoteIdentifier(name)}`;
}

export async function dropPublication(sql: Sql, name: string): Promise<void> {
  await sql.query(dropPublicationSql(name));
}

function checkPublicationName(name: string): void {
  if (name.length > 0 && Buffer.byteLength(name) <= 63 && !name.includes('\0')) return;
  const text = `the publication name ${JSON.stringify(name)} is not one that Postgres allows: 1 to 63 bytes`;
  throw new UnstaleError('PUBLICATION_NAME_INVALID', text);
}
