import { randomBytes } from 'node:crypto';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import type { Plan } from '../core/plan.ts';
import type { Log } from '../core/ports.ts';
import { pauseMs } from '../pace/backoff.ts';
import { sleep } from '../pace/sleep.ts';
import { type SplitJob, splitPlan } from '../plan/jobs.ts';
import { redisError } from '../redis/errors.ts';
import { openRedis, type RedisConnection } from '../redis/open.ts';
import { OutageLog } from '../redis/outage.ts';
import {
  type BullClient,
  type BullQueues,
  bullClient,
  type JobSettings,
  openBullQueues,
  warnOfEviction,
} from './bull.ts';
import { LANES, noticesOf } from './names.ts';
import { readNotices } from './notices.ts';
import { type Entry, Outstanding, type PlanInFlight } from './outstanding.ts';
import type { Payload } from './payload.ts';
import { countJobs, type DeadLetter, listDead, type QueueCounts } from './view.ts';

export interface QueueOptions extends JobSettings {
  readonly url: string;
  /** UNSTALE_NAME */
  readonly name: string;
  /** Keys a job. */
  readonly batch: number;
  /** Unfinished jobs at most. */
  readonly window: number;
  readonly log: Log;
  /** A job that nothing was heard of for so long is looked up; if it is gone it is enqueued again. Default 10 s. */
  readonly missingAfterMs?: number;
}

/** Jobs added in one round trip, at most. */
const BULK = 200;
/** Look-ups in one round trip, at most. */
const LOOKUPS = 100;

/** A plan that waits to get into Redis, whole or in part. */
interface Request {
  readonly plan: PlanInFlight;
  readonly jobs: readonly SplitJob[];
  taken: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A tail's side of the queues: puts plans in, and learns when all of a plan is finished.
 *
 * Invariant: a job counts as finished only after an executor said so. It stays in memory until then, so whatever Redis
 * forgets (flush, restart, failover) is enqueued again. Jobs may be executed more than once.
 */
export class Queue {
  /** Names this tail; a new one each time, since what an earlier one did not confirm is streamed again. */
  readonly tail = randomBytes(6).toString('hex');
  readonly #options: QueueOptions;
  readonly #producer: RedisConnection;
  readonly #reader: RedisConnection;
  readonly #bull: BullClient;
  readonly #where: string;
  readonly #outage: OutageLog;
  readonly #outstanding: Outstanding;
  readonly #stop = new AbortController();
  #requests: Request[] = [];
  #wake: (() => void) | undefined;
  #queues: Promise<BullQueues> | undefined;
  #loops: Promise<unknown> | undefined;

  constructor(options: QueueOptions) {
    const { url, log, window } = options;
    this.#options = options;
    this.#producer = openRedis(url, { role: 'queue', log });
    this.#reader = openRedis(url, { role: 'worker', log });
    this.#bull = bullClient(this.#producer);
    this.#where = `Redis ${this.#producer.label} (queue)`;
    this.#outage = new OutageLog(log, this.#where);
    this.#outstanding = new Outstanding(window);
  }

  /** Unfinished jobs of this tail. */
  get unfinished(): number {
    return this.#outstanding.size;
  }

  /**
   * Resolves when all jobs of the plan are durably in Redis; waits while the window is full or Redis is away, for as long as
   * that takes. `onFinished` is called once, when all of them have finished; for an empty plan at once. It may be called
   * before this resolves. Rejects with QUEUE_STOPPED.
   */
  async enqueue(plan: Plan, onFinished: () => void): Promise<void> {
    const jobs = splitPlan(plan, { batch: this.#options.batch });
    if (jobs.length === 0) return onFinished();
    if (this.#stop.signal.aborted) throw stopped();
    this.#loops ??= this.#start();
    await new Promise<void>((resolve, reject) => {
      this.#requests.push({ jobs, taken: 0, plan: { left: jobs.length, onFinished }, resolve, reject });
      this.#wake?.();
    });
  }

  /** An executor in this process, or a notice from another, says that a job is finished. Unknown numbers are ignored. */
  finished(n: number): void {
    this.#outstanding.finished(n);
  }

  async counts(): Promise<QueueCounts> {
    return countJobs(await this.#open());
  }

  /** Newest first. */
  async deadLetters(options: { limit: number }): Promise<readonly DeadLetter[]> {
    return listDead(await this.#open(), options);
  }

  /** Leaves at once. Jobs stay in Redis; plans that are not there yet are rejected. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    this.#outstanding.wake();
    this.#reader.close();
    this.#producer.close();
    this.#bull.disconnect();
    // ioredis leaves a command pending for ever if it is told to disconnect between two connections.
    await Promise.race([this.#loops, sleep(500)]);
    for (const { reject } of this.#requests.splice(0)) reject(stopped());
  }

  async #start(): Promise<void> {
    const { signal } = this.#stop;
    const list = noticesOf(this.#options.name, this.tail);
    const onFinished = (n: number): void => this.finished(n);
    await Promise.all([this.#feed(), this.#lookUp(), readNotices(this.#reader, { list, onFinished, signal })]);
  }

  async #feed(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const [request] = this.#requests;
      if (!request) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (this.#outstanding.room === 0) {
        await this.#outstanding.change();
      } else {
        await this.#addUntilDone(this.#take());
        if (!this.#stop.signal.aborted) this.#settle();
      }
    }
  }

  /** As many jobs of the plans that wait as there is room for, in order. They count from here on. */
  #take(): Entry[] {
    const entries: Entry[] = [];
    let room = Math.min(this.#outstanding.room, BULK);
    for (const request of this.#requests) {
      while (room > 0) {
        const next = request.jobs[request.taken];
        if (!next) break;
        entries.push(this.#outstanding.add(next, request.plan));
        request.taken++;
        room--;
      }
    }
    return entries;
  }

  /** Tells the plans of which every job is in Redis. */
  #settle(): void {
    for (let [request] = this.#requests; request && request.taken === request.jobs.length; [request] = this.#requests) {
      this.#requests.shift();
      request.resolve();
    }
  }

  /** The same batch until it is in, or until we stop; what went in on an earlier try is known by its id. */
  async #addUntilDone(entries: readonly Entry[]): Promise<void> {
    const { signal } = this.#stop;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.#add(entries);
        return this.#outage.worked();
      } catch (error) {
        const coded = redisError(error, this.#where);
        if (!signal.aborted) this.#outage.failed(coded);
        await sleep(pauseMs(coded.retry === 'never' ? 'medium' : coded.retry, attempt), signal);
      }
    }
  }

  async #add(entries: readonly Entry[]): Promise<void> {
    const queues = await this.#open();
    await Promise.all(
      LANES.map(async (lane) => {
        const jobs = entries.filter((entry) => entry.lane === lane).map((entry) => this.#bullJob(entry));
        if (jobs.length > 0) await queues[lane].addBulk(jobs);
      }),
    );
    const now = performance.now();
    for (const entry of entries) entry.seenAtMs = now;
  }

  #bullJob(entry: Entry): { name: string; data: Payload; opts: { jobId: string } } {
    const data: Payload = { v: 1, tail: this.tail, n: entry.n, job: entry.job };
    return { name: 'job', data, opts: { jobId: this.#idOf(entry) } };
  }

  /** Never used again, not even after a flush, which sets BullMQ's own numbers back. No `:`, not only digits. */
  #idOf({ n, again }: Entry): string {
    return again === 0 ? `${this.tail}-${n}` : `${this.tail}-${n}.${again}`;
  }

  #open(): Promise<BullQueues> {
    this.#queues ??= this.#openOnce().catch((error: unknown) => {
      this.#queues = undefined;
      throw error;
    });
    return this.#queues;
  }

  async #openOnce(): Promise<BullQueues> {
    const { log, name, ...jobs } = this.#options;
    await warnOfEviction(this.#producer, log);
    const onError = (error: unknown): void => log.debug({ error: messageOf(error) }, 'BullMQ reports an error');
    return openBullQueues(this.#bull, { name, jobs, onError });
  }

  async #lookUp(): Promise<void> {
    const { signal } = this.#stop;
    const afterMs = this.#options.missingAfterMs ?? 10_000;
    while (!signal.aborted) {
      await sleep(afterMs / 5, signal);
      const overdue = this.#outstanding.overdue(afterMs);
      for (let i = 0; i < overdue.length && !signal.aborted; i += LOOKUPS) {
        await this.#lookUpSome(overdue.slice(i, i + LOOKUPS));
      }
    }
  }

  /**
   * Enqueues again what is gone (a flushed or restored Redis, a notice that was lost), and what failed without a notice (an
   * executor of another version could not read it).
   */
  async #lookUpSome(entries: readonly Entry[]): Promise<void> {
    try {
      const queues = await this.#open();
      const states = await Promise.all(entries.map((entry) => queues[entry.lane].getJobState(this.#idOf(entry))));
      const now = performance.now();
      for (const entry of entries) entry.seenAtMs = now;
      const gone = entries.filter((_, i) => ['unknown', 'failed', 'completed'].includes(states[i] ?? ''));
      const missing = gone.filter((entry) => this.#outstanding.has(entry.n));
      if (missing.length === 0) return;
      this.#options.log.warn({ jobs: missing.length }, 'Jobs are gone from the queue and are enqueued again');
      for (const entry of missing) entry.again++;
      await this.#addUntilDone(missing);
    } catch (error) {
      const { code, message, retry } = redisError(error, this.#where);
      if (retry === 'never') this.#options.log.error({ code, error: message }, 'Jobs cannot be looked up');
    }
  }
}

/** Opens a tail's side of the queues. Connects by itself, and waits for nothing. Throws REDIS_BAD_URL. */
export function createQueue(options: QueueOptions): Queue {
  return new Queue(options);
}

function stopped(): UnstaleError {
  return new UnstaleError('QUEUE_STOPPED', 'The queue was stopped before the plan was in Redis.');
}
