import type { Change, Relation } from '../core/change.ts';
import type { RuleSet } from '../rules/compiled.ts';
import { decide } from './decide.ts';
import { type ResolvedWatch, resolveWatch } from './resolve.ts';

/** A change that counts for a watch. */
export interface Match {
  readonly change: Change;
  readonly resolved: ResolvedWatch;
}

/** A column that a rule names and a table lacks: its values are unknown, so everything it fills or tests is widened. */
export interface MissingColumn {
  readonly rule: string;
  readonly table: string;
  readonly column: string;
}

export interface Matcher {
  /** What the change counts for: one match a case. All cases that apply, apply; they have no order. */
  match(change: Change): readonly Match[];
  /** The watches of a relation's table with their columns found. Empty if no rule watches it. */
  resolve(relation: Relation): readonly ResolvedWatch[];
  /** Columns not found in the relations so far, each once. */
  readonly missingColumns: readonly MissingColumn[];
}

const NOTHING: readonly never[] = Object.freeze([]);

/**
 * Finds the rules of a change by its table, so its cost does not depend on the number of rules. Columns are looked up once
 * a Relation object; DDL makes a new one.
 */
export function createMatcher(ruleSet: RuleSet): Matcher {
  const known = new WeakMap<Relation, readonly ResolvedWatch[]>();
  const missing = new Map<string, MissingColumn>();
  let last: Relation | undefined;
  let lastWatches: readonly ResolvedWatch[] = NOTHING;

  const resolveNew = (relation: Relation): readonly ResolvedWatch[] => {
    const watches = ruleSet.byTable.get(relation.table)?.map((watch) => resolveWatch(watch, relation)) ?? NOTHING;
    for (const { watch, missing: columns } of watches) {
      for (const column of columns) {
        const one = { rule: watch.rule.name, table: relation.table, column };
        missing.set(JSON.stringify(one), one);
      }
    }
    known.set(relation, watches);
    return watches;
  };

  const resolve = (relation: Relation): readonly ResolvedWatch[] => {
    if (relation !== last) {
      lastWatches = known.get(relation) ?? resolveNew(relation);
      last = relation;
    }
    return lastWatches;
  };

  return {
    resolve,
    match(change) {
      let matches: Match[] | undefined;
      for (const resolved of resolve(change.relation)) {
        if (!counts(resolved, change)) continue;
        const match = { change, resolved };
        if (matches) matches.push(match);
        else matches = [match];
      }
      return matches ?? NOTHING;
    },
    get missingColumns() {
      return [...missing.values()];
    },
  };
}

/** A row that cannot be read counts: one poison row must neither stop the stream nor pass by. */
function counts(resolved: ResolvedWatch, change: Change): boolean {
  try {
    return decide(resolved, change) === 'counts';
  } catch {
    return true;
  }
}
