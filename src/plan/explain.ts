import type { Change } from '../core/change.ts';
import type { Effect, Verb } from '../core/plan.ts';
import { createMatcher, decide, type ResolvedWatch, type Trace } from '../match/index.ts';
import type { Rule, RuleSet, TestChange } from '../rules/compiled.ts';
import { countsBecause, elsewhereBecause, noKeyBecause, passedBecause, widenedBecause } from './because.ts';
import { compileFill, type Fill, type Image } from './fill.ts';
import { type Targets, targetsOf } from './targets.ts';
import { toChanges } from './test-change.ts';

export interface Explanation {
  /** What each rule does, also where several do the same to one key. */
  readonly effects: readonly Effect[];
  /** The rules that do nothing, and why. A rule has effects or is here. */
  readonly passed: readonly { readonly rule: string; readonly because: string }[];
}

/** What a change touches and why, by the very decisions that the worker takes. */
export function explain(ruleSet: RuleSet, change: Change): Explanation {
  const resolved = createMatcher(ruleSet).resolve(change.relation);
  const all = ruleSet.rules.map((rule, order) =>
    explainRule(
      { rule, targets: targetsOf(rule, order), fill: compileFill(rule) },
      resolved.filter((one) => one.watch.rule === rule),
      change,
    ),
  );
  return { effects: all.flatMap((one) => one.effects), passed: all.flatMap((one) => one.passed) };
}

/** The same for a change as it stands in a rule test or on the command line. */
export function explainTestChange(ruleSet: RuleSet, change: TestChange): Explanation {
  const all = toChanges(ruleSet, [change]).map((one) => explain(ruleSet, one));
  return { effects: all.flatMap((one) => one.effects), passed: all.flatMap((one) => one.passed) };
}

interface Explained {
  readonly rule: Rule;
  readonly targets: Targets;
  readonly fill: Fill;
}

function explainRule(explained: Explained, watches: readonly ResolvedWatch[], change: Change): Explanation {
  const rule = explained.rule.name;
  if (watches.length === 0) return { effects: [], passed: [{ rule, because: elsewhereBecause(explained.rule) }] };
  const found = new Map<string, Found>();
  const reasons = new Set<string>();
  for (const resolved of watches) {
    const trace: Trace = { changed: new Set(), maybe: new Set() };
    const verdict = decide(resolved, change, trace);
    if (verdict !== 'counts') reasons.add(passedBecause(verdict, resolved, change));
    else if (!collect(explained, { resolved, change, trace, found })) reasons.add(noKeyBecause(change, resolved));
  }
  if (found.size === 0) return { effects: [], passed: [{ rule, because: [...reasons].join('; ') }] };
  return { effects: [...found.values()].map((one) => toEffect(rule, change, one)), passed: [] };
}

/** One key with all that speaks for it. */
interface Found {
  readonly verb: Verb;
  readonly key: string;
  readonly trace: Trace;
  readonly images: Set<Image>;
  readonly widened: Set<string>;
}

interface Counted {
  readonly resolved: ResolvedWatch;
  readonly change: Change;
  readonly trace: Trace;
  readonly found: Map<string, Found>;
}

/** Adds the keys of one case; says whether there were any. */
function collect({ targets, fill, rule }: Explained, { resolved, change, trace, found }: Counted): boolean {
  let any = false;
  const add = (verb: Verb, key: string, image: Image): Found => {
    any = true;
    const name = `${verb} ${key}`;
    const there = found.get(name) ?? { verb, key, trace, images: new Set(), widened: new Set() };
    found.set(name, there);
    there.images.add(image);
    for (const kind of ['changed', 'maybe'] as const) for (const column of trace[kind]) there.trace[kind].add(column);
    return there;
  };
  fill({ change, resolved }, (expanded, image) => {
    for (const key of expanded.keys) add(targets.exact.verb, key, image);
    for (const pattern of expanded.patterns) {
      const there = add(targets.wide.verb, pattern, image);
      const widened = expanded.widened.length > 0 || rule.family !== 'pattern';
      if (widened) there.widened.add(widenedBecause(expanded.widened, { change, resolved, image }));
    }
  });
  return any;
}

function toEffect(rule: string, change: Change, { verb, key, trace, images, widened }: Found): Effect {
  const [only] = images;
  const image = images.size === 1 && only ? only : 'both';
  return { rule, verb, key, because: [countsBecause(change, trace, image), ...widened].join('; ') };
}
