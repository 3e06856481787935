import { onTestFinished } from 'vitest';
import type { Job, Plan } from '../../src/core/plan.ts';
import type { Log } from '../../src/core/ports.ts';
import { createExecutor, type Done } from '../../src/execute/index.ts';
import {
  createQueue,
  createWorkers,
  type JobContext,
  type Queue,
  type QueueOptions,
  type Workers,
  type WorkersOptions,
} from '../../src/queue/index.ts';
import { openRedis, type RedisConnection } from '../../src/redis/index.ts';

/** Everything that was logged, to look for. */
export interface Logged extends Log {
  readonly lines: { level: string; fields: Record<string, unknown>; message: string }[];
}

export function collectLog(): Logged {
  const lines: Logged['lines'] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields: { ...fields }, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export async function openCache(url: string): Promise<RedisConnection> {
  const cache = openRedis(url, { role: 'cache' });
  onTestFinished(() => cache.close());
  await cache.ready();
  return cache;
}

let names = 0;

export function freshName(): string {
  return `t${process.pid}_${names++}`;
}

/** A queue and workers in this process, on one Redis or two. */
export interface Rig {
  readonly name: string;
  readonly queue: Queue;
  readonly workers: Workers;
  readonly log: Logged;
  readonly done: Done[];
  /** Enqueues and waits until all of it has finished. */
  run(plan: Plan): Promise<void>;
}

export interface RigOptions {
  readonly url: string;
  readonly cache: RedisConnection;
  readonly name?: string;
  readonly queue?: Partial<QueueOptions>;
  readonly workers?: Partial<WorkersOptions>;
  readonly execute?: (job: Job, context: JobContext, execute: WorkersOptions['execute']) => Promise<void>;
  /** Tell the tail through Redis, as workers of other processes do. */
  readonly remote?: boolean;
  /** So many of the first reports are lost on their way to the tail. */
  readonly lost?: number;
}

export async function openRig(options: RigOptions): Promise<Rig> {
  const log = collectLog();
  const name = options.name ?? freshName();
  const settings = { url: options.url, name, attempts: 3, backoffMs: 10, log };
  const queue = createQueue({ ...settings, batch: 500, window: 256, ...options.queue });
  const done: Done[] = [];
  let lost = options.lost ?? 0;
  const local = { tail: queue.tail, finished: (n: number) => (lost-- > 0 ? undefined : queue.finished(n)) };
  const executor = createExecutor({ cache: options.cache, onDone: (one) => done.push(one) });
  const { execute = (job, context, really) => really(job, context) } = options;
  const workers = createWorkers({
    ...settings,
    concurrency: 8,
    execute: (job, context) => execute(job, context, (a, b) => executor.execute(a, b)),
    lastResort: (job) => executor.lastResort(job),
    ...(options.remote ? {} : { local }),
    stopWithinMs: 500,
    ...options.workers,
  });
  onTestFinished(async () => {
    await Promise.all([workers.stop(), queue.stop()]);
    executor.stop();
  });
  await workers.start();
  const run = (plan: Plan) =>
    new Promise<void>((resolve, reject) => {
      queue.enqueue(plan, resolve).catch(reject);
    });
  return { name, queue, workers, log, done, run };
}
