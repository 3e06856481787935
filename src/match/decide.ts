import { type Change, columnChanged, newValue, oldValue, type Value } from '../core/change.ts';
import type { ColumnTest } from '../rules/compiled.ts';
import { MISSING, type ResolvedTest, type ResolvedWatch } from './resolve.ts';

/** Does a watch count a change? All but `counts` say why it passes the change by. */
export type Verdict =
  | 'counts'
  | 'other-operation'
  | 'columns-unchanged'
  | 'only-ignored-changed'
  | 'where-held-by-neither'
  | 'did-not-become';

/** What a decision was made from, collected only for `explain`: looking at everything costs time. */
export interface Trace {
  /** Columns that count and are known to have changed. */
  readonly changed: Set<string>;
  /** Columns that count and may have changed: their old value was not sent. */
  readonly maybe: Set<string>;
}

/**
 * The one place where a change is held against a watch. What is not known never narrows:
 *
 * - `ops`: the operation is one of them. Nothing else narrows a truncate but `becomes`.
 * - `columns` (updates only): one of them, or of the columns that fill placeholders, changed or may have changed.
 * - `ignore` (updates only): a column that is not ignored, or that fills a placeholder, changed or may have changed.
 *   So an update that is known to have changed nothing passes by `columns` and `ignore`, but counts without them.
 * - `where`: the old or the new row passes all tests, both on the same row. A value that was not sent passes.
 * - `becomes`: the new row passes all tests and the old did not. Deletes and truncates have no new row; an insert has no
 *   old one, so it counts. An old value that was not sent counts as not passing, unless it is known to be equal.
 */
export function decide(resolved: ResolvedWatch, change: Change, trace?: Trace): Verdict {
  if (!resolved.watch.ops.has(change.op)) return 'other-operation';
  if (trace && change.op === 'update') lookAtAll(resolved, change, trace);
  if (resolved.plain) return 'counts';
  if (change.op === 'update') {
    if (resolved.counting && !mayHaveChanged(change, resolved.counting)) return 'columns-unchanged';
    if (resolved.notIgnored && !mayHaveChanged(change, resolved.notIgnored)) return 'only-ignored-changed';
  }
  if (resolved.where.length > 0 && !whereHolds(change, resolved.where)) return 'where-held-by-neither';
  if (resolved.becomes.length > 0 && !mayHaveBecome(change, resolved.becomes)) return 'did-not-become';
  return 'counts';
}

function mayHaveChanged(change: Change, positions: readonly number[]): boolean {
  for (const position of positions) if (changedAt(change, position) !== false) return true;
  return false;
}

/** Nothing is known of a column that the relation lacks: it may have changed. */
function changedAt(change: Change, position: number): boolean | undefined {
  return position === MISSING ? undefined : columnChanged(change, position);
}

function whereHolds(change: Change, tests: readonly ResolvedTest[]): boolean {
  switch (change.op) {
    case 'truncate':
      return true;
    case 'insert':
      return holds(change, tests, newValue);
    case 'delete':
      return holds(change, tests, oldValue);
    case 'update':
      return holds(change, tests, newValue) || holds(change, tests, oldValue);
  }
}

/**
 * Could it be that the new row passes all tests and the old fails one? The failing one must be of a column that may have
 * changed: an unchanged TOAST value is not known, but what it is now it was before.
 */
function mayHaveBecome(change: Change, tests: readonly ResolvedTest[]): boolean {
  if (change.op === 'delete' || change.op === 'truncate' || !holds(change, tests, newValue)) return false;
  if (change.op === 'insert') return true;
  for (const { test, position } of tests) {
    if (changedAt(change, position) === false) continue;
    const was = position === MISSING ? undefined : oldValue(change, position);
    if (was === undefined || !passes(test, was)) return true;
  }
  return false;
}

type Image = (change: Change, position: number) => Value;

function holds(change: Change, tests: readonly ResolvedTest[], image: Image): boolean {
  for (const { test, position } of tests) {
    const value = position === MISSING ? undefined : image(change, position);
    if (value !== undefined && !passes(test, value)) return false;
  }
  return true;
}

function passes(test: ColumnTest, value: string | null): boolean {
  return test.values.includes(value) !== test.not;
}

function lookAtAll(resolved: ResolvedWatch, change: Change, trace: Trace): void {
  const { counting, notIgnored, relation } = resolved;
  const name = (position: number) => relation.columns[position]?.name;
  for (const position of counting ?? notIgnored ?? relation.columns.keys()) {
    const changed = changedAt(change, position);
    const column = name(position);
    if (column !== undefined && changed !== false) (changed ? trace.changed : trace.maybe).add(column);
  }
  for (const column of resolved.missing) trace.maybe.add(column);
}
