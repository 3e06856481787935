import type { Transaction } from '../core/change.ts';
import { createMatcher, type MissingColumn } from '../match/index.ts';
import type { RuleSet } from '../rules/compiled.ts';
import { createPlanner, type Planned } from './planner.ts';

export interface Planning {
  /** Everything that the transactions touch, each key once. */
  plan(transactions: readonly Transaction[]): Planned;
  /** Columns that rules name and tables lack, as far as their rows have been met. */
  readonly missingColumns: readonly MissingColumn[];
}

/** Rules to plans: the matcher and the planner in one. */
export function createPlanning(ruleSet: RuleSet): Planning {
  const matcher = createMatcher(ruleSet);
  const planner = createPlanner(ruleSet);
  return {
    plan(transactions) {
      for (const transaction of transactions)
        for (const change of transaction.changes) planner.add(transaction, matcher.match(change));
      return planner.finish();
    },
    get missingColumns() {
      return matcher.missingColumns;
    },
  };
}

export { type Explanation, explain, explainTestChange } from './explain.ts';
export { type SplitJob, splitPlan } from './jobs.ts';
export { createPlanner, type Origin, type Planned, type Planner, type RuleStats } from './planner.ts';
export { runRuleTest, type TestResult } from './rule-tests.ts';
