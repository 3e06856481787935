import type { Hands } from '../actions/define.ts';
import { ACTIONS } from '../actions/index.ts';
import { worst } from '../actions/settle.ts';
import { UnstaleError } from '../core/errors/index.ts';
import type { Cause, Job, Step, Verb } from '../core/plan.ts';
import type { JobContext } from '../queue/processor.ts';
import type { RedisConnection } from '../redis/open.ts';
import { createHands } from './hands.ts';
import { Walker } from './walk.ts';

/** A step that is done: for metrics and the log of what happened to a key. */
export interface Done {
  readonly job: string;
  readonly rule: string;
  readonly verb: Verb;
  /** As in the step; for a scan the patterns. */
  readonly keys: readonly string[];
  /** Keys touched: for a scan those found, for a clear the members. */
  readonly touched: number;
  /** The transactions that caused it, and how many of `keys` each did. Commit to invalidated is `atMs - committedAtMs`. */
  readonly causes: readonly { readonly cause: Cause; readonly keys: number }[];
  /** Milliseconds since 1970, by this machine's clock. */
  readonly atMs: number;
}

export interface Executor {
  /** Does all steps of a job, also if some fail; then rejects with the error that decides (an outage first). */
  readonly execute: (job: Job, context: JobContext) => Promise<void>;
  /** Deletes what the job names by the plainest means: what is done before a job becomes a dead letter. */
  readonly lastResort: (job: Job) => Promise<void>;
  readonly stop: () => void;
}

/** Executes jobs on the cache. `onDone` is told of each step, once; it must not throw. */
export function createExecutor({ cache, onDone }: { cache: RedisConnection; onDone?: (done: Done) => void }): Executor {
  const walker = new Walker(cache);
  const hands = createHands(cache, walker);
  // Steps of jobs that failed in part: a job that waits out an outage is executed again with the same objects.
  const finished = new WeakSet<Step>();

  const perform = async (step: Step, job: Job, context: JobContext): Promise<void> => {
    if (finished.has(step)) return;
    const touched = await actionOf(step).execute(hands, step);
    finished.add(step);
    onDone?.(doneOf(step, job, { id: context.id, touched }));
  };

  return {
    async execute(job, context) {
      await renewEpochs(hands, job);
      await all(job.steps.map((step) => perform(step, job, context)));
      await again(job, context);
    },
    async lastResort(job) {
      await all(job.steps.map((step) => ACTIONS[step.verb]?.lastResort(hands, step) ?? hands.remove(step.keys)));
    },
    stop: () => walker.stop(),
  };
}

/** Before anything is deleted, so that no fill that began earlier gets in between. */
async function renewEpochs(hands: Hands, job: Job): Promise<void> {
  const rules = new Set(job.steps.filter((step) => step.epoch).map((step) => step.rule));
  if (rules.size > 0) await hands.renewEpochs([...rules]);
}

/** The same deletes once more after a pause. In the queue before this job counts as finished; holds up nothing itself. */
async function again(job: Job, context: JobContext): Promise<void> {
  const pauses = new Set(job.steps.flatMap((step) => step.againAfterMs ?? []));
  for (const pauseMs of pauses) {
    const steps = job.steps.filter((step) => step.againAfterMs === pauseMs);
    await context.later({ ...job, steps: steps.map((step) => ({ ...step, againAfterMs: undefined })) }, pauseMs);
  }
}

function actionOf(step: Step) {
  const action = ACTIONS[step.verb];
  if (action) return action;
  throw new UnstaleError('QUEUE_UNKNOWN_VERB', `The rule ${step.rule} asks for ${step.verb}, which is not known here.`);
}

async function all(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (errors.length > 0) throw worst(errors);
}

function doneOf(step: Step, job: Job, { id, touched }: { id: string; touched: number }): Done {
  const counts = new Map<number, number>();
  for (const cause of step.causes) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  const causes = [...counts].flatMap(([index, keys]) => {
    const cause = job.causes[index];
    return cause ? [{ cause, keys }] : [];
  });
  return { job: id, rule: step.rule, verb: step.verb, keys: step.keys, touched, causes, atMs: Date.now() };
}
