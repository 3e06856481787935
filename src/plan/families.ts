import type { Cause, Plan, Step } from '../core/plan.ts';
import type { RuleSet } from '../rules/compiled.ts';
import { compileTemplate } from '../rules/template.ts';
import { targetsOf } from './targets.ts';

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
    const step = ({ rule: _, order: __, strength: ___, ...target }: typeof targets.exact, keys: readonly string[]) =>
      keys.length === 0 ? [] : [{ ...target, rule: rule.name, keys, causes: keys.map(() => 0), epoch: true as const }];
    return [
      ...step(
        targets.exact,
        expanded.flatMap(({ keys }) => keys),
      ),
      ...step(
        targets.wide,
        expanded.flatMap(({ patterns }) => patterns),
      ),
    ];
  });
  return { ruleSet: ruleSet.hash, causes: [cause], steps };
}

const UNKNOWN = [undefined];
const unknown = () => UNKNOWN;
