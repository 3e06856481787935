import type { Relation } from '../core/change.ts';
import type { ColumnTest, Watch } from '../rules/compiled.ts';

/** Position of a column that the relation lacks: nothing of it is ever known. */
export const MISSING = -1;

export interface ResolvedTest {
  readonly test: ColumnTest;
  readonly position: number;
}

/** A watch whose column names have become positions of one relation. Lives as long as the relation. */
export interface ResolvedWatch {
  readonly watch: Watch;
  readonly relation: Relation;
  /** No `columns`, `ignore`, `where` or `becomes`: the operation alone decides. */
  readonly plain: boolean;
  /** Positions of `columns` and of the columns that fill placeholders. */
  readonly counting?: readonly number[] | undefined;
  /** Positions of all columns but `ignore`; those that fill placeholders always count. */
  readonly notIgnored?: readonly number[] | undefined;
  readonly where: readonly ResolvedTest[];
  readonly becomes: readonly ResolvedTest[];
  /** Placeholder to the positions of the columns that fill it. */
  readonly fills: ReadonlyMap<string, readonly number[]>;
  /** All those positions, each once. */
  readonly filling: readonly number[];
  /** Names of columns that the watch needs and the relation lacks. */
  readonly missing: readonly string[];
}

/** Looks up every column of a watch once; a column that the relation lacks gets the position `MISSING`. */
export function resolveWatch(watch: Watch, relation: Relation): ResolvedWatch {
  const positions = new Map(relation.columns.map((column, position) => [column.name, position]));
  const missing = new Set<string>();
  const find = (column: string): number => {
    const position = positions.get(column);
    if (position === undefined) missing.add(column);
    return position ?? MISSING;
  };
  const fills = new Map([...watch.bind].map(([placeholder, columns]) => [placeholder, columns.map(find)]));
  const filling = unique([...fills.values()].flat());
  const tests = (list: readonly ColumnTest[]) => list.map((test) => ({ test, position: find(test.column) }));
  const ignored = watch.ignore && new Set(watch.ignore.map(find));
  return {
    watch,
    relation,
    plain: !watch.columns && !watch.ignore && watch.where.length === 0 && watch.becomes.length === 0,
    counting: watch.columns && unique([...watch.columns.map(find), ...filling]),
    notIgnored: ignored && unique([...[...positions.values()].filter((one) => !ignored.has(one)), ...filling]),
    where: tests(watch.where),
    becomes: tests(watch.becomes),
    fills,
    filling,
    missing: [...missing],
  };
}

function unique(positions: readonly number[]): readonly number[] {
  return [...new Set(positions)];
}
