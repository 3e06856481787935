import { Worker } from 'bullmq';
import { ACTIONS, type Lane } from '../actions/index.ts';
import { messageOf } from '../core/errors/index.ts';
import type { Job } from '../core/plan.ts';
import { pauseMs } from '../pace/backoff.ts';
import { sleep } from '../pace/sleep.ts';
import { redisError } from '../redis/errors.ts';
import { openRedis, type RedisConnection } from '../redis/open.ts';
import {
  type BullClient,
  type BullQueues,
  bullClient,
  type JobSettings,
  openBullQueues,
  warnOfEviction,
} from './bull.ts';
import { LANES, prefixOf } from './names.ts';
import { NoticeSender } from './notices.ts';
import type { Payload } from './payload.ts';
import { Processor, type ProcessorOptions } from './processor.ts';

export interface WorkersOptions extends JobSettings, Pick<ProcessorOptions, 'log' | 'execute' | 'lastResort'> {
  readonly url: string;
  /** UNSTALE_NAME */
  readonly name: string;
  /** Jobs at once in the lane of quick ones. */
  readonly concurrency: number;
  /** The tail of this process, told directly. Others get a notice through Redis. */
  readonly local?: { readonly tail: string; finished(n: number): void };
  /** How long `stop` waits for jobs that are under way. Default 8 s. */
  readonly stopWithinMs?: number;
}

/** A killed worker's job is free when its lock has run out and a check has seen that: 5 s and 2.5 s, so 7.5 s at most. */
const LOCK_MS = 5_000;
const STALL_CHECK_MS = 2_500;
/** Scans wait for a walk that they share, so many of them must be able to wait; they cost nothing while they do. */
const SWEEPS_AT_ONCE = 64;

/** Executes jobs of both lanes. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #redis: RedisConnection;
  readonly #bull: BullClient;
  readonly #notices: NoticeSender;
  readonly #processor: Processor;
  readonly #stop = new AbortController();
  #workers: readonly Worker<Payload>[] = [];
  #queues: BullQueues | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: WorkersOptions) {
    const { url, log, execute, lastResort, name } = options;
    this.#options = options;
    this.#redis = openRedis(url, { role: 'worker', log });
    this.#bull = bullClient(this.#redis);
    this.#notices = new NoticeSender(this.#redis, name);
    const later = (job: Job, delayMs: number): Promise<void> => this.#later(job, delayMs);
    const tell = (payload: Payload): Promise<void> => this.#tell(payload);
    this.#processor = new Processor({ log, execute, lastResort, later, tell });
  }

  /** Resolves when jobs are taken. Waits for Redis for as long as it takes, or until `stop`. */
  start(): Promise<void> {
    this.#started ??= this.#startOnce();
    return this.#started;
  }

  /**
   * Takes no more jobs, finishes those under way, and gives back to the queue what is not finished by the deadline or
   * waits for a server that is away.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopOnce();
    return this.#stopped;
  }

  async #startOnce(): Promise<void> {
    const { log } = this.#options;
    for (let attempt = 1; !this.#stop.signal.aborted; attempt++) {
      try {
        await warnOfEviction(this.#redis, log);
        const { name, ...jobs } = this.#options;
        this.#queues = await openBullQueues(this.#bull, { name, jobs, onError: this.#onError });
        this.#workers = LANES.map((lane) => this.#open(lane));
        await Promise.all(this.#workers.map((worker) => worker.waitUntilReady()));
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const { code, message, hint, retry } = redisError(error, `Redis ${this.#redis.label} (worker)`);
        log.warn({ code, error: message, hint }, 'The queue cannot be opened yet');
        void Promise.allSettled(this.#workers.map((worker) => worker.close(true)));
        await sleep(pauseMs(retry === 'never' ? 'medium' : retry, attempt), this.#stop.signal);
      }
    }
  }

  #open(lane: Lane): Worker<Payload> {
    const { name, concurrency, log } = this.#options;
    const worker = new Worker<Payload>(lane, (job, token) => this.#processor.process(job, token), {
      connection: this.#bull.client,
      prefix: prefixOf(name),
      concurrency: lane === 'keys' ? concurrency : SWEEPS_AT_ONCE,
      lockDuration: LOCK_MS,
      stalledInterval: STALL_CHECK_MS,
      // A job whose worker was killed has done nothing wrong, however often.
      maxStalledCount: 1_000_000_000,
      // After an error of the connection; 15 s would be the default.
      runRetryDelay: 500,
    });
    worker.on('error', this.#onError);
    worker.on('stalled', (id) => log.warn({ job: id }, 'A worker went away and left a job, which is done again'));
    return worker;
  }

  readonly #onError = (error: unknown): void => {
    this.#options.log.debug({ error: messageOf(error) }, 'BullMQ reports an error');
  };

  async #later(job: Job, delayMs: number): Promise<void> {
    const lane = job.steps.some((step) => ACTIONS[step.verb]?.lane === 'sweep') ? 'sweep' : 'keys';
    try {
      await this.#queues?.[lane].add('job', { v: 1, tail: '', n: -1, job }, { delay: delayMs });
    } catch (error) {
      throw redisError(error, `Redis ${this.#redis.label} (worker)`);
    }
  }

  async #tell({ tail, n }: Payload): Promise<void> {
    const { local } = this.#options;
    if (tail === '') return;
    if (local?.tail === tail) return local.finished(n);
    try {
      await this.#notices.send(tail, n);
    } catch (error) {
      throw redisError(error, `Redis ${this.#redis.label} (worker)`);
    }
  }

  async #stopOnce(): Promise<void> {
    this.#stop.abort();
    this.#processor.leave();
    const closing = Promise.allSettled(this.#workers.map((worker) => worker.close()));
    const early = new AbortController();
    const closedWithin = (ms: number) => Promise.race([closing, sleep(ms, early.signal)]);
    await closedWithin(this.#options.stopWithinMs ?? 8_000);
    this.#processor.cancel();
    await closedWithin(1_000);
    // With its connections gone BullMQ ends what still waits for Redis.
    this.#bull.disconnect();
    await closedWithin(500);
    early.abort();
  }
}

/** Opens the executing side. Throws REDIS_BAD_URL. */
export function createWorkers(options: WorkersOptions): Workers {
  return new Workers(options);
}
