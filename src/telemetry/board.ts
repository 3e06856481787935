import type { Metrics } from './metrics.ts';

/** What a rule did since its processes started. */
export interface RuleFigures {
  readonly changes: number;
  readonly keys: number;
  /** Cumulative counts by upper bound in seconds, as in a Prometheus histogram. */
  readonly buckets: Readonly<Record<string, number>>;
}

export type Board = Readonly<Record<string, RuleFigures>>;

/** This process's figures by rule, JSON-safe: other processes (`status`) read them from Redis. */
export async function boardOf(metrics: Metrics): Promise<Board> {
  const board: Record<string, { changes: number; keys: number; buckets: Record<string, number> }> = {};
  const of = (rule: string) => {
    board[rule] ??= { changes: 0, keys: 0, buckets: {} };
    return board[rule];
  };
  for (const { labels, value } of (await metrics.ruleChanges.get()).values) of(String(labels.rule)).changes += value;
  for (const { labels, value } of (await metrics.keys.get()).values) of(String(labels.rule)).keys += value;
  for (const one of (await metrics.latency.get()).values) {
    const labels: Readonly<Record<string, unknown>> = one.labels;
    if (one.metricName?.endsWith('_bucket')) of(String(labels.rule)).buckets[String(labels.le)] = one.value;
  }
  return board;
}

/** The figures of several processes together. */
export function mergeBoards(boards: readonly Board[]): Board {
  const merged: Record<string, { changes: number; keys: number; buckets: Record<string, number> }> = {};
  for (const board of boards) {
    for (const [rule, figures] of Object.entries(board)) {
      merged[rule] ??= { changes: 0, keys: 0, buckets: {} };
      const sum = merged[rule];
      sum.changes += figures.changes;
      sum.keys += figures.keys;
      for (const [le, count] of Object.entries(figures.buckets)) sum.buckets[le] = (sum.buckets[le] ?? 0) + count;
    }
  }
  return merged;
}

/**
 * A quantile (0 to 1) in milliseconds from cumulative buckets in seconds, linear within a bucket as Prometheus's
 * histogram_quantile is; `null` without observations. Beyond the last bound, that bound.
 */
export function quantileMs(buckets: Readonly<Record<string, number>>, q: number): number | null {
  const bounds = Object.entries(buckets)
    .map(([le, count]) => [le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le), count] as const)
    .sort((a, b) => a[0] - b[0]);
  const total = bounds.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  let lower = 0;
  let below = 0;
  for (const [bound, count] of bounds) {
    if (count >= q * total) {
      if (bound === Number.POSITIVE_INFINITY) return lower * 1000;
      const share = count === below ? 1 : (q * total - below) / (count - below);
      return (lower + (bound - lower) * share) * 1000;
    }
    lower = bound;
    below = count;
  }
  return lower * 1000;
}
