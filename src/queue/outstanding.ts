import type { Lane } from '../actions/define.ts';
import type { Job } from '../core/plan.ts';

/** A job of this tail that is not known to be finished. */
export interface Entry {
  readonly n: number;
  readonly lane: Lane;
  readonly job: Job;
  readonly plan: PlanInFlight;
  /** How often it was enqueued again. */
  again: number;
  /** When it was last put into the queue or seen there, by the monotonic clock. */
  seenAtMs: number;
}

/** A plan of which some jobs are unfinished. */
export interface PlanInFlight {
  left: number;
  readonly onFinished: () => void;
}

/** The jobs that this tail waits for: their number is the window, and each counts once however often it is reported. */
export class Outstanding {
  readonly #entries = new Map<number, Entry>();
  readonly #window: number;
  #next = 0;
  #wake: (() => void) | undefined;

  constructor(window: number) {
    this.#window = window;
  }

  get size(): number {
    return this.#entries.size;
  }

  get room(): number {
    return Math.max(0, this.#window - this.#entries.size);
  }

  add({ lane, job }: { lane: Lane; job: Job }, plan: PlanInFlight): Entry {
    const entry: Entry = { n: this.#next++, lane, job, plan, again: 0, seenAtMs: performance.now() };
    this.#entries.set(entry.n, entry);
    return entry;
  }

  /** True the first time. The plan's `onFinished` is called with its last job. */
  finished(n: number): boolean {
    const entry = this.#entries.get(n);
    if (!entry) return false;
    this.#entries.delete(n);
    this.#wake?.();
    if (--entry.plan.left === 0) entry.plan.onFinished();
    return true;
  }

  has(n: number): boolean {
    return this.#entries.has(n);
  }

  /** Those that nothing was heard of for so long. */
  overdue(afterMs: number): Entry[] {
    const before = performance.now() - afterMs;
    return [...this.#entries.values()].filter((entry) => entry.seenAtMs <= before);
  }

  /** Resolves when a job has finished, or at `wake`. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake?.();
  }
}
