import type { Job as BullJob } from 'bullmq';
import type { Lane } from '../actions/define.ts';
import { parseLsn } from '../core/lsn.ts';
import type { Cause } from '../core/plan.ts';
import { silent } from '../core/ports.ts';
import { redisError } from '../redis/errors.ts';
import { openRedis } from '../redis/open.ts';
import { type BullQueues, bullClient, openBullQueues } from './bull.ts';
import { LANES } from './names.ts';
import { salvage } from './payload.ts';

export interface LaneCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly paused: boolean;
}

export type QueueCounts = Readonly<Record<Lane, LaneCounts>>;

/** A job that was given up, after its keys were deleted. */
export interface DeadLetter {
  readonly id: string;
  readonly lane: Lane;
  readonly rules: readonly string[];
  /** Commit LSN of its newest cause; empty if its payload could not be read. */
  readonly lsn: string;
  /** `CODE: message` */
  readonly error: string;
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly keys: readonly string[];
}

/** A look at the queues of one name, for `status` and `dead`. Its methods reject with UnstaleErrors. */
export interface QueueView {
  counts(): Promise<QueueCounts>;
  /** Newest first. */
  deadLetters(options: { limit: number }): Promise<readonly DeadLetter[]>;
  close(): Promise<void>;
}

/** Connects and looks; adds nothing. Rejects with an UnstaleError if Redis cannot be reached. */
export async function openQueueView({ url, name }: { url: string; name: string }): Promise<QueueView> {
  const redis = openRedis(url, { role: 'queue', log: silent });
  const bull = bullClient(redis);
  try {
    await redis.ready();
    const jobs = { attempts: 1, backoffMs: 0 };
    const queues = await openBullQueues(bull, { name, jobs, onError: () => undefined });
    return {
      counts: () => countJobs(queues),
      deadLetters: (options) => listDead(queues, options),
      close: async () => {
        await Promise.allSettled(LANES.map((lane) => queues[lane].close()));
        bull.disconnect();
      },
    };
  } catch (error) {
    bull.disconnect();
    throw error;
  }
}

export function countJobs(queues: BullQueues): Promise<QueueCounts> {
  const count = async (lane: Lane): Promise<LaneCounts> => {
    const [counts, paused] = await Promise.all([
      queues[lane].getJobCounts('waiting', 'active', 'delayed', 'failed'),
      queues[lane].isPaused(),
    ]);
    const { waiting = 0, active = 0, delayed = 0, failed = 0 } = counts;
    return { waiting, active, delayed, failed, paused };
  };
  return coded(async () => {
    const [keys, sweep] = await Promise.all([count('keys'), count('sweep')]);
    return { keys, sweep };
  });
}

export function listDead(queues: BullQueues, { limit }: { limit: number }): Promise<readonly DeadLetter[]> {
  return coded(async () => {
    const lists = await Promise.all(
      LANES.map(async (lane) => (await queues[lane].getFailed(0, limit - 1)).map((job) => deadLetter(lane, job))),
    );
    return lists
      .flat()
      .sort((a, b) => b.atMs - a.atMs)
      .slice(0, limit);
  });
}

function deadLetter(lane: Lane, { id = '', data, failedReason, attemptsMade, finishedOn = 0 }: BullJob): DeadLetter {
  // Its payload may be just what made it a dead letter.
  const { causes, steps } = salvage(data)?.job ?? { causes: [], steps: [] };
  const rules = [...new Set(steps.map((step) => step.rule))].filter((rule) => rule !== '');
  const keys = steps.flatMap((step) => step.keys);
  return { id, lane, rules, lsn: newest(causes), error: failedReason, attempts: attemptsMade, atMs: finishedOn, keys };
}

function newest(causes: readonly Cause[]): string {
  return causes.reduce((most, { lsn }) => (most === '' || parseLsn(lsn) > parseLsn(most) ? lsn : most), '');
}

async function coded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw redisError(error, 'Redis (queue)');
  }
}
