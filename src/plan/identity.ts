import { type Catalog, type CatalogTable, quoteIdentifier, quoteTable } from '../core/catalog.ts';
import type { RuleSet, Watch } from '../rules/compiled.ts';

/** The replica identity that the rules need of a table. `keep`: it has it already. */
export interface NeededIdentity {
  /** `schema.table` */
  readonly table: string;
  readonly identity: 'keep' | 'default' | 'index' | 'full';
  /** For `index`: its name. */
  readonly index?: string | undefined;
  /** Columns whose old values the rules need. */
  readonly columns: readonly string[];
  /** Statements for the owner of the table; none for `keep`. One for each partition too: they do not inherit it. */
  readonly sql: readonly string[];
}

/**
 * Per watched table the smallest replica identity with which no rule has to widen: what is there, the primary key, the
 * named unique index with the fewest columns, or everything. What an identity index sends now goes on being sent, since
 * somebody else may read it.
 * https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-REPLICA-IDENTITY
 */
export function neededIdentity(ruleSet: RuleSet, catalog: Catalog): ReadonlyMap<string, NeededIdentity> {
  const needed = new Map<string, NeededIdentity>();
  for (const [name, watches] of ruleSet.byTable) {
    const table = catalog.tables.get(name);
    if (table && (table.kind === 'table' || table.kind === 'partitioned'))
      needed.set(name, identityFor(name, table, { watches, catalog }));
  }
  return needed;
}

/** The columns of a table whose old values a case needs: to fill keys, to see what changed, to test the old row. */
export function oldColumns(watch: Watch, table: CatalogTable): OldColumns {
  const updates = watch.ops.has('update');
  const old = updates || watch.ops.has('delete');
  const ignore = updates && watch.ignore ? new Set(watch.ignore) : undefined;
  const exists = new Set(table.columns.map((column) => column.name));
  const those = (needed: boolean, columns: readonly string[]) =>
    needed ? columns.filter((one) => exists.has(one)) : [];
  return {
    keys: those(old, [...watch.bind.values()].flat()),
    columns: those(updates, watch.columns ?? []),
    ignore: those(
      ignore !== undefined,
      [...exists].filter((column) => !ignore?.has(column)),
    ),
    where: those(
      old,
      watch.where.map((test) => test.column),
    ),
    becomes: those(
      updates,
      watch.becomes.map((test) => test.column),
    ),
  };
}

/** By what they are needed for. */
export type OldColumns = Readonly<Record<'keys' | 'columns' | 'ignore' | 'where' | 'becomes', readonly string[]>>;

/** What the old rows really come with: a partition's rows are logged with the identity of the partition. */
export function sentColumns(table: CatalogTable, catalog: Catalog): ReadonlySet<string> {
  const leaves = (table.partitions ?? []).flatMap((name) => catalog.tables.get(name) ?? []);
  const sent = [table, ...leaves].map((one) => new Set(one.identityColumns));
  return new Set(table.identityColumns.filter((column) => sent.every((columns) => columns.has(column))));
}

function identityFor(
  name: string,
  table: CatalogTable,
  { watches, catalog }: { readonly watches: readonly Watch[]; readonly catalog: Catalog },
): NeededIdentity {
  const columns = [...new Set(watches.flatMap((watch) => Object.values(oldColumns(watch, table)).flat()))];
  const sent = sentColumns(table, catalog);
  if (sent.size > 0 && columns.every((column) => sent.has(column))) {
    return { table: name, identity: 'keep', columns, sql: [] };
  }
  const wanted = new Set(table.identity === 'index' ? [...columns, ...table.identityColumns] : columns);
  const covers = (there: readonly string[]) =>
    there.length > 0 && [...wanted].every((column) => there.includes(column));
  const alter = (identity: string) =>
    [table, ...(table.partitions ?? []).flatMap((leaf) => catalog.tables.get(leaf) ?? [])].map(
      (one) => `alter table ${quoteTable(one)} replica identity ${identity};`,
    );
  if (covers(table.primaryKey)) return { table: name, identity: 'default', columns, sql: alter('default') };
  // The indexes of partitions have names of their own, so a partitioned table gets none.
  const [index] = table.partitions?.length
    ? []
    : table.indexes.filter((one) => covers(one.columns)).sort((a, b) => a.columns.length - b.columns.length);
  if (!index) return { table: name, identity: 'full', columns, sql: alter('full') };
  const sql = alter(`using index ${quoteIdentifier(index.name)}`);
  return { table: name, identity: 'index', index: index.name, columns, sql };
}
