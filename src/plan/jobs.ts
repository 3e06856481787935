import { ACTIONS, type Lane } from '../actions/index.ts';
import type { Cause, Job, Plan, Step } from '../core/plan.ts';

/** A job and the queue lane it waits in: long work must not keep the quick one waiting. */
export interface SplitJob {
  readonly lane: Lane;
  readonly job: Job;
}

/** Characters of keys in one job: keys that are this long are rare, and a job is one value in Redis and one message to it. */
const MOST_CHARACTERS = 1_000_000;

/**
 * Cuts a plan into jobs of at most `batch` keys and merges small steps, of whatever rules, into one: as few jobs as can be.
 * Scans are kept together, so that patterns which wait together share one walk; clears have jobs of their own, so that one
 * that fails does not have a walk done again. Each job carries only the causes of its own keys.
 */
export function splitPlan(plan: Plan, { batch }: { readonly batch: number }): readonly SplitJob[] {
  const laneOf = (step: Step): Lane => ACTIONS[step.verb]?.lane ?? 'keys';
  const quick = plan.steps.filter((step) => laneOf(step) === 'keys');
  const scans = plan.steps.filter((step) => laneOf(step) === 'sweep' && step.verb === 'scan');
  const others = plan.steps.filter((step) => laneOf(step) === 'sweep' && step.verb !== 'scan');
  const most = Math.max(1, Math.floor(batch));
  const jobs = (lane: Lane, steps: readonly Step[]) =>
    pack(steps, most).map((packed): SplitJob => ({ lane, job: toJob(plan, packed) }));
  return [...jobs('keys', quick), ...jobs('sweep', others), ...jobs('sweep', scans)];
}

/** Steps in portions of at most `batch` keys; a step that does not fit is cut. */
function pack(steps: readonly Step[], batch: number): readonly (readonly Step[])[] {
  const portions: Step[][] = [];
  let portion: Step[] = [];
  let keys = 0;
  let characters = 0;
  const close = () => {
    if (portion.length > 0) portions.push(portion);
    portion = [];
    keys = 0;
    characters = 0;
  };
  for (const step of steps) {
    let from = 0;
    while (from < step.keys.length) {
      const fitting = countFitting(step.keys, from, { keys: batch - keys, characters: MOST_CHARACTERS - characters });
      if (fitting.count === 0 && portion.length > 0) {
        close();
        continue;
      }
      const to = from + Math.max(1, fitting.count);
      portion.push({ ...step, keys: step.keys.slice(from, to), causes: step.causes.slice(from, to) });
      keys += to - from;
      characters += fitting.characters;
      from = to;
    }
  }
  close();
  return portions;
}

function countFitting(
  keys: readonly string[],
  from: number,
  room: { readonly keys: number; readonly characters: number },
): { readonly count: number; readonly characters: number } {
  let characters = 0;
  let at = from;
  for (; at < keys.length && at - from < room.keys; at++) {
    const length = keys[at]?.length ?? 0;
    if (characters + length > room.characters) break;
    characters += length;
  }
  return { count: at - from, characters };
}

function toJob(plan: Plan, steps: readonly Step[]): Job {
  const causes: Cause[] = [];
  const moved = new Map<number, number>();
  const move = (cause: number): number => {
    const there = moved.get(cause);
    if (there !== undefined) return there;
    const kept = plan.causes[cause];
    if (!kept) throw new RangeError(`a step names cause ${cause} of ${plan.causes.length}`);
    const to = causes.push(kept) - 1;
    moved.set(cause, to);
    return to;
  };
  const own = steps.map((step) => ({ ...step, causes: step.causes.map(move) }));
  return { v: 1, ruleSet: plan.ruleSet, causes, steps: own };
}
