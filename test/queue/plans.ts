import type { Plan, Step, Verb } from '../../src/core/plan.ts';

/** A plan of one step by one transaction. */
export function planOf(verb: Verb, keys: readonly string[], more: Partial<Step> = {}): Plan {
  const causes = [{ lsn: '0/16B3748', xid: 740, committedAtMs: Date.now() }];
  return { ruleSet: 'hash', causes, steps: [{ rule: 'r', verb, keys, causes: keys.map(() => 0), ...more }] };
}
