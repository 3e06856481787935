import { setMaxListeners } from 'node:events';
import { type Job as BullJob, UnrecoverableError, WaitingError } from 'bullmq';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import type { Job } from '../core/plan.ts';
import type { Log } from '../core/ports.ts';
import { pauseMs } from '../pace/backoff.ts';
import { sleep } from '../pace/sleep.ts';
import { isOutage } from '../redis/errors.ts';
import { OutageLog } from '../redis/outage.ts';
import { type Payload, readPayload, salvage } from './payload.ts';

/** What an execution knows of its job. */
export interface JobContext {
  readonly id: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** Aborted when the worker has to leave; the job goes back into the queue. */
  readonly signal: AbortSignal;
  /** Puts a job of its own into the queue, to be done after a pause; nobody waits for it. Resolves when it is in Redis. */
  later(job: Job, delayMs: number): Promise<void>;
}

export interface ProcessorOptions {
  readonly log: Log;
  readonly execute: (job: Job, context: JobContext) => Promise<void>;
  /** Deletes what the job names by the plainest means, before it becomes a dead letter. */
  readonly lastResort: (job: Job) => Promise<void>;
  readonly later: JobContext['later'];
  /** Tells the tail that waits for it. Resolves when that cannot be lost any more, short of losing the queue. */
  readonly tell: (payload: Payload) => Promise<void>;
}

const HANDED_BACK = Symbol('handed back');

/**
 * One job from BullMQ's hands to its end: finished, another attempt, dead letter, or handed back.
 *
 * Invariant: a tail is told only after the keys of the job are gone, and before BullMQ strikes the job off. Were it the
 * other way round, a kill in between would lose the news (the tail would find out by looking the job up).
 */
export class Processor {
  readonly #options: ProcessorOptions;
  readonly #outage: OutageLog;
  /** Aborted first: who waits for a server gives its job back. */
  readonly #leaving = new AbortController();
  /** Aborted at the deadline: everyone does. */
  readonly #cancel = new AbortController();

  constructor(options: ProcessorOptions) {
    this.#options = options;
    this.#outage = new OutageLog(options.log, 'jobs');
    // Each job under way listens.
    setMaxListeners(0, this.#leaving.signal, this.#cancel.signal);
  }

  leave(): void {
    this.#leaving.abort();
  }

  cancel(): void {
    this.#leaving.abort();
    this.#cancel.abort();
  }

  /** For BullMQ: resolves for a finished job, rejects with its error for another attempt or a dead letter. */
  async process(bull: BullJob<Payload>, token: string | undefined): Promise<void> {
    try {
      await this.#run(bull);
    } catch (error) {
      if (error !== HANDED_BACK) throw error;
      await bull.moveToWait(token);
      throw new WaitingError();
    }
  }

  async #run(bull: BullJob<Payload>): Promise<void> {
    let payload: Payload;
    try {
      payload = readPayload(bull.data);
    } catch (error) {
      return this.#bury(bull, { error, payload: salvage(bull.data) });
    }
    const { signal } = this.#cancel;
    const context = { id: bull.id ?? '', attempt: bull.attemptsMade + 1, signal, later: this.#options.later };
    try {
      await this.#throughOutages(() => this.#options.execute(payload.job, context));
    } catch (error) {
      if (error === HANDED_BACK || !isFinal(bull, error)) throw error;
      return this.#bury(bull, { error, payload });
    }
    await this.#throughOutages(() => this.#options.tell(payload));
  }

  /**
   * Makes a dead letter. It counts as finished, but only once its keys are deleted. A payload of which nothing can be made
   * out is reported to nobody: its tail enqueues it again, and a worker that knows its version may come.
   */
  async #bury(
    bull: BullJob<Payload>,
    { error, payload }: { error: unknown; payload: Payload | undefined },
  ): Promise<never> {
    const code = error instanceof UnstaleError ? error.code : 'INTERNAL';
    const deleted = payload !== undefined && (await this.#deleteAnyhow(bull, payload));
    if (deleted) await this.#throughOutages(() => this.#options.tell(payload));
    const rules = [...new Set(payload?.job.steps.map((step) => step.rule))];
    const fields = { job: bull.id, code, error: messageOf(error), rules, deleted };
    this.#options.log.error(fields, 'A job became a dead letter');
    throw new UnrecoverableError(`${code}: ${messageOf(error)}`);
  }

  async #deleteAnyhow(bull: BullJob<Payload>, payload: Payload): Promise<boolean> {
    try {
      await this.#throughOutages(() => this.#options.lastResort(payload.job));
      return true;
    } catch (error) {
      if (error === HANDED_BACK) throw error;
      this.#options.log.error({ job: bull.id, error: messageOf(error) }, 'The keys of a dead letter were not deleted');
      return false;
    }
  }

  /** Again and again while a server is at fault. BullMQ renews the job's lock meanwhile, and no attempt is used up. */
  async #throughOutages(work: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await unlessAborted(work(), this.#cancel.signal);
        if (attempt > 1) this.#outage.worked();
        return;
      } catch (error) {
        if (this.#cancel.signal.aborted) throw HANDED_BACK;
        if (!isOutage(error) || error.retry === 'never') throw error;
        this.#outage.failed(error);
        await sleep(pauseMs(error.retry, attempt), this.#leaving.signal);
        if (this.#leaving.signal.aborted) throw HANDED_BACK;
      }
    }
  }
}

/** Is there no use in another attempt? Errors that say so, and the last attempt. */
function isFinal(bull: BullJob<Payload>, error: unknown): boolean {
  const hopeless = error instanceof UnstaleError && error.retry === 'never';
  return hopeless || bull.attemptsMade + 1 >= (bull.opts.attempts ?? 1);
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(HANDED_BACK);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
  try {
    await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
