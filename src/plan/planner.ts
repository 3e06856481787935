import type { Transaction } from '../core/change.ts';
import { formatLsn, type Lsn } from '../core/lsn.ts';
import type { Cause, Plan, Step, Verb } from '../core/plan.ts';
import type { Match } from '../match/index.ts';
import type { Rule, RuleSet } from '../rules/compiled.ts';
import type { Expanded } from '../rules/template.ts';
import { compileFill, type Fill } from './fill.ts';
import { type Target, type Targets, targetsOf } from './targets.ts';

/** Of a transaction, what a plan keeps. */
export type Origin = Pick<Transaction, 'commitLsn' | 'xid' | 'committedAtMs'>;
export type WidenReason = Expanded['widened'][number]['reason'];

/** What a rule had to do with a plan, for metrics. */
export interface RuleStats {
  readonly rule: string;
  /** Row changes that it counted, each once, however many of its cases applied. */
  readonly changes: number;
  /** Keys of the plan by verb. A key that several rules touch is counted for the one that owns it. */
  readonly keys: Readonly<Partial<Record<Verb, number>>>;
  /** How often a placeholder had to be widened, by reason. */
  readonly widened: Readonly<Partial<Record<WidenReason, number>>>;
}

export interface Planned {
  readonly plan: Plan;
  /** Of the rules that counted a change. */
  readonly stats: readonly RuleStats[];
}

export interface Planner {
  /** Adds what a change of a transaction matched. Transactions may come in any order and in slices. */
  add(origin: Origin, matches: readonly Match[]): void;
  /** The plan of everything added since the last call. */
  finish(): Planned;
}

interface Entry {
  target: Target;
  cause: number;
  againAfterMs: number | undefined;
}

/** A rule while it plans. */
interface RuleState {
  readonly targets: Targets;
  readonly fill: Fill;
  /** What its wide effects touch. These are kept apart by rule, since each renews the epoch of its own rule. */
  readonly scans: Map<string, Entry>;
  readonly clears: Map<string, Entry>;
  changes: number;
  lastChange: object | undefined;
  widened: Partial<Record<WidenReason, number>>;
}

/**
 * Collects the keys that matches touch, each once. A plan is a set: neither the order of transactions, of matches, of
 * cases nor of rules makes a difference.
 */
export function createPlanner(ruleSet: RuleSet): Planner {
  const compiled = new Map(ruleSet.rules.map((rule, order) => [rule, newState(rule, order)]));
  const causes = createCauses();
  let shared = new Map<string, Entry>();
  let cause = 0;
  let state: RuleState | undefined;
  /** Rules of the present plan, so that a plan costs what it touches, not what there is. */
  let touched: RuleState[] = [];

  const touch = (entries: Map<string, Entry>, key: string, target: Target): void => {
    const there = entries.get(key);
    if (there) merge(there, { target, cause, againAfterMs: target.againAfterMs }, causes.isNewer);
    else entries.set(key, { target, cause, againAfterMs: target.againAfterMs });
  };
  const use = (expanded: Expanded): void => {
    if (!state) return;
    const { exact, wide } = state.targets;
    const entries = exact.verb === 'clear' ? state.clears : shared;
    for (const key of expanded.keys) touch(entries, key, exact);
    for (const pattern of expanded.patterns) touch(state.scans, pattern, wide);
    for (const { reason } of expanded.widened) state.widened[reason] = (state.widened[reason] ?? 0) + 1;
  };
  return {
    add(origin, matches) {
      if (matches.length === 0) return;
      cause = causes.indexOf(origin);
      for (const match of matches) {
        state = compiled.get(match.resolved.watch.rule);
        if (!state) continue;
        if (state.changes === 0) touched.push(state);
        if (state.lastChange !== match.change) state.changes++;
        state.lastChange = match.change;
        state.fill(match, use);
      }
    },
    finish() {
      const states = touched.sort((a, b) => a.targets.exact.order - b.targets.exact.order);
      letClearsWin(shared, states, causes.isNewer);
      const steps = toSteps([shared, ...states.flatMap((one) => [one.clears, one.scans])]);
      const plan = { ruleSet: ruleSet.hash, causes: causes.take(), steps };
      const stats = states.map((one) => statsOf(one, steps));
      shared = new Map();
      touched = [];
      for (const one of states) reset(one);
      return { plan, stats };
    },
  };
}

function newState(rule: Rule, order: number): RuleState {
  return {
    targets: targetsOf(rule, order),
    fill: compileFill(rule),
    scans: new Map(),
    clears: new Map(),
    changes: 0,
    lastChange: undefined,
    widened: {},
  };
}

function reset(state: RuleState): void {
  state.scans.clear();
  state.clears.clear();
  state.changes = 0;
  state.lastChange = undefined;
  state.widened = {};
}

/** Two touches of one key: the strongest verb, the newest cause and the longest second delete stay. */
function merge(there: Entry, other: Entry, isNewer: (cause: number, than: number) => boolean): void {
  if (isNewer(other.cause, there.cause)) there.cause = other.cause;
  if (other.target === there.target && other.againAfterMs === there.againAfterMs) return;
  if (isStronger(other.target, there.target)) there.target = other.target;
  if ((other.againAfterMs ?? -1) > (there.againAfterMs ?? -1)) there.againAfterMs = other.againAfterMs;
}

function isStronger(one: Target, than: Target): boolean {
  return one.strength === than.strength ? one.order < than.order : one.strength > than.strength;
}

/** Where a key rule names the key of an index rule: a delete before the clear would lose the members. */
function letClearsWin(
  shared: Map<string, Entry>,
  states: readonly RuleState[],
  isNewer: (cause: number, than: number) => boolean,
): void {
  for (const { clears } of states) {
    for (const [key, entry] of clears) {
      const weaker = shared.get(key);
      if (weaker) merge(entry, weaker, isNewer);
    }
  }
  for (const { clears } of states) for (const key of clears.keys()) shared.delete(key);
}

/** The transactions that touched something, each once: slices of a large one have the same commit LSN. */
function createCauses() {
  let list: Cause[] = [];
  let lsns: Lsn[] = [];
  let byLsn = new Map<Lsn, number>();
  let last: Origin | undefined;
  let lastIndex = 0;
  return {
    indexOf(origin: Origin): number {
      if (origin === last) return lastIndex;
      const { commitLsn, xid, committedAtMs } = origin;
      let index = byLsn.get(commitLsn);
      if (index === undefined) {
        index = list.push({ lsn: formatLsn(commitLsn), xid, committedAtMs }) - 1;
        lsns.push(commitLsn);
        byLsn.set(commitLsn, index);
      }
      last = origin;
      lastIndex = index;
      return index;
    },
    isNewer: (cause: number, than: number): boolean => cause !== than && (lsns[cause] ?? 0n) > (lsns[than] ?? 0n),
    take(): readonly Cause[] {
      const taken = list;
      list = [];
      lsns = [];
      byLsn = new Map();
      last = undefined;
      return taken;
    },
  };
}

interface OpenStep {
  readonly keys: string[];
  readonly causes: number[];
}

/** One step for the keys that are treated alike. */
function toSteps(entries: readonly ReadonlyMap<string, Entry>[]): readonly Step[] {
  const open = new Map<Target, Map<number | undefined, OpenStep>>();
  for (const map of entries) {
    for (const [key, { target, againAfterMs, cause }] of map) {
      const step = getOrMake(getOrMake(open, target, newMap), againAfterMs, newStep);
      step.keys.push(key);
      step.causes.push(cause);
    }
  }
  return [...open].flatMap(([target, byAgain]) =>
    [...byAgain].map(([againAfterMs, step]) => toStep(target, { ...step, againAfterMs })),
  );
}

const newMap = () => new Map<number | undefined, OpenStep>();
const newStep = (): OpenStep => ({ keys: [], causes: [] });

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}

/** Without the pause of the rule itself: a longer one of another rule may have taken its place. */
function toStep(target: Target, { againAfterMs, ...lists }: OpenStep & Pick<Step, 'againAfterMs'>): Step {
  const { rule, order: _order, strength: _strength, againAfterMs: _own, ...rest } = target;
  return { ...rest, rule: rule.name, ...lists, ...(againAfterMs !== undefined && { againAfterMs }) };
}

function statsOf({ targets, changes, widened }: RuleState, steps: readonly Step[]): RuleStats {
  const rule = targets.exact.rule.name;
  const keys: Partial<Record<Verb, number>> = {};
  for (const step of steps) if (step.rule === rule) keys[step.verb] = (keys[step.verb] ?? 0) + step.keys.length;
  return { rule, changes, keys, widened };
}
