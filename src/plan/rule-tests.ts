import type { Verb } from '../core/plan.ts';
import { createMatcher } from '../match/index.ts';
import type { RuleSet, RuleTest } from '../rules/compiled.ts';
import { createPlanner } from './planner.ts';
import { toChanges } from './test-change.ts';

export interface TestedKey {
  readonly verb: Verb;
  /** The whole key; for `scan` the pattern. */
  readonly key: string;
}

export interface TestResult {
  readonly ok: boolean;
  /** Expected and not touched. */
  readonly missing: readonly TestedKey[];
  /** Touched and not expected. */
  readonly extra: readonly TestedKey[];
}

/** All changes of a test are one transaction; any will do. */
const TRANSACTION = { commitLsn: 1n, xid: 1, committedAtMs: 0 };
const VERBS = ['delete', 'rebuild', 'patch', 'clear', 'bump', 'scan'] as const;

/**
 * Runs a rule file's own test through the real matcher and planner. What the plan touches must be what is expected, verb by
 * verb and key by key: one too many fails too.
 */
export function runRuleTest(ruleSet: RuleSet, test: RuleTest): TestResult {
  const matcher = createMatcher(ruleSet);
  const planner = createPlanner(ruleSet);
  for (const change of toChanges(ruleSet, test.changes)) planner.add(TRANSACTION, matcher.match(change));
  const touched = planner.finish().plan.steps.flatMap(({ verb, keys }) => keys.map((key) => ({ verb, key })));
  const expected = VERBS.flatMap((verb) => (test.expect[verb] ?? []).map((key) => ({ verb, key })));
  const missing = without(expected, touched);
  const extra = without(touched, expected);
  return { ok: missing.length === 0 && extra.length === 0, missing, extra };
}

/** Each of these once that is not among those. */
function without(these: readonly TestedKey[], those: readonly TestedKey[]): readonly TestedKey[] {
  const name = ({ verb, key }: TestedKey) => `${verb} ${key}`;
  const taken = new Set(those.map(name));
  return [...new Map(these.map((one) => [name(one), one])).entries()]
    .filter(([named]) => !taken.has(named))
    .map(([, one]) => one);
}
