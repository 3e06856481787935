import type { Change, Relation, Row } from '../core/change.ts';
import type { RuleSet, TestChange, TestRow, Watch } from '../rules/compiled.ts';

/** `oid` of text: the type of every column in tests. */
const TEXT = 25;
/** Without a catalog: the column that is taken for the primary key, the replica identity unless a table says otherwise. */
const PRIMARY_KEY = 'id';

/**
 * Changes as Postgres would send them, from those that people write in rule files and command lines. Their tables have the
 * columns that rules or changes name, and a column that is absent from a row is null.
 *
 * An update with `was`, and a delete, send the whole old row (identity full). An update without `was` is one whose old row
 * was not sent: only `id`, the conventional primary key, is known to be as it was.
 */
export function toChanges(ruleSet: RuleSet, changes: readonly TestChange[]): readonly Change[] {
  const columns = new Map<string, readonly string[]>();
  for (const { table } of changes) {
    if (!columns.has(table)) columns.set(table, columnsOf(table, ruleSet.byTable.get(table) ?? [], changes));
  }
  return changes.map((change) => toChange(change, columns.get(change.table) ?? []));
}

function columnsOf(table: string, watches: readonly Watch[], changes: readonly TestChange[]): readonly string[] {
  const named = watches.flatMap(({ columns = [], ignore = [], where, becomes, bind }) => [
    ...columns,
    ...ignore,
    ...[...where, ...becomes].map((test) => test.column),
    ...[...bind.values()].flat(),
  ]);
  const given = changes
    .filter((change) => change.table === table)
    .flatMap(({ row = {}, was = {}, unsent }) => [...Object.keys(row), ...Object.keys(was), ...unsent]);
  return [...new Set([...named, ...given])];
}

function toChange({ op, table, row = {}, was, unsent }: TestChange, columns: readonly string[]): Change {
  const whole = op !== 'update' || was !== undefined;
  const relation = relationOf(table, columns, whole ? 'full' : 'default');
  const image = rowOf(columns, row, unsent);
  switch (op) {
    case 'insert':
      return { op, relation, after: image };
    case 'delete':
      return { op, relation, before: image };
    case 'truncate':
      return { op, relation };
    case 'update': {
      const before =
        was &&
        rowOf(
          columns,
          { ...row, ...was },
          unsent.filter((column) => !Object.hasOwn(was, column)),
        );
      return { op, relation, before, after: image };
    }
  }
}

function relationOf(table: string, columns: readonly string[], identity: 'full' | 'default'): Relation {
  const dot = table.indexOf('.');
  return {
    oid: 0,
    schema: table.slice(0, Math.max(0, dot)),
    name: table.slice(dot + 1),
    table,
    identity,
    columns: columns.map((name) => ({ name, type: TEXT, key: identity === 'full' || name === PRIMARY_KEY })),
  };
}

function rowOf(columns: readonly string[], row: TestRow, unsent: readonly string[]): Row {
  const values = columns.map((column) => {
    if (unsent.includes(column)) return undefined;
    return Object.hasOwn(row, column) ? row[column] : null;
  });
  return { at: (index) => values[index] };
}
