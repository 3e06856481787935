import { ACTIONS } from '../actions/index.ts';
import type { Step, Verb } from '../core/plan.ts';
import type { Family, Rule } from '../rules/compiled.ts';

/** What a rule does to keys of one kind: everything of a step but the keys. */
export interface Target extends Omit<Step, 'keys' | 'causes' | 'rule'> {
  readonly rule: Rule;
  /** Position in the rule set: of two rules that are equally strong on a key the first one owns it. */
  readonly order: number;
  readonly strength: number;
}

/** What a rule does: to the keys that its templates give, and to those that have to be searched for. */
export interface Targets {
  readonly exact: Target;
  readonly wide: Target;
}

/** What is done to a key of a family, whether its name is known or a scan found it. */
const VERBS: Readonly<Record<Family, 'delete' | 'clear' | 'bump'>> = {
  key: 'delete',
  index: 'clear',
  version: 'bump',
  pattern: 'delete',
};

/** Wide effects (scans, clears) renew the rule's epoch first: which entries they concern is not known by name. */
export function targetsOf(rule: Rule, order: number): Targets {
  const then = VERBS[rule.family];
  const again = rule.againAfterMs === undefined ? {} : { againAfterMs: rule.againAfterMs };
  const ttl = then === 'bump' && rule.ttlMs !== undefined ? { ttlMs: rule.ttlMs } : {};
  const common = { rule, order, ...again, ...ttl };
  return {
    exact: { ...common, verb: then, strength: strengthOf(then), ...(then === 'clear' && { epoch: true }) },
    wide: { ...common, verb: 'scan', strength: strengthOf('scan'), found: then, epoch: true },
  };
}

function strengthOf(verb: Verb): number {
  return ACTIONS[verb]?.strength ?? 0;
}
