import type { Cause, Plan, Step } from '../core/plan.ts';
import type { RuleSet } from '../rules/compiled.ts';
import { compileTemplate } from '../rules/template.ts';
import { type Target, targetsOf } from './targets.ts';

/**
 * Everything that rules own, whatever fills the placeholders: what a resync invalidates. A template without
 * placeholders gives its key, any other a pattern; epochs are renewed first.
 */
export function planFamilies(ruleSet: RuleSet, cause: Cause): Plan {
  const steps = ruleSet.rules.flatMap((rule, order): readonly Step[] => {
    const targets = targetsOf(rule, order);
    const expanded = rule.templates.map((template) =>
      compileTemplate(template, { pattern: rule.family === 'pattern' })(unknown),
    );
    const step = (target: Target, keys: readonly string[]): readonly Step[] => {
      if (keys.length === 0) return [];
      const { verb, found, againAfterMs, ttlMs } = target;
      return [{ rule: rule.name, verb, found, againAfterMs, ttlMs, keys, causes: keys.map(() => 0), epoch: true }];
    };
    const keys = expanded.flatMap((one) => one.keys);
    const patterns = expanded.flatMap((one) => one.patterns);
    return [...step(targets.exact, keys), ...step(targets.wide, patterns)];
  });
  return { ruleSet: ruleSet.hash, causes: [cause], steps };
}

const UNKNOWN = [undefined];
const unknown = () => UNKNOWN;
