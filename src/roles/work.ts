import { type Needing, queueUrlOf } from '../config/settings.ts';
import type { Log } from '../core/ports.ts';
import { createExecutor, type Done } from '../execute/executor.ts';
import { createWorkers } from '../queue/workers.ts';
import { openRedis } from '../redis/index.ts';
import type { Metrics } from '../telemetry/metrics.ts';

export interface WorkOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  /** The tail of this process: it is told directly what is finished. */
  readonly local?: { readonly tail: string; finished(n: number): void } | undefined;
  /** Told of each finished step, for a demo or a test. */
  readonly onDone?: ((done: Done) => void) | undefined;
}

export interface Work {
  /** Finishes what is under way within the deadline and gives back the rest. */
  stop(): Promise<void>;
}

/** What is not finished by then (a long scan) goes back into the queue. */
const STOP_MS = 2_000;

/** Executes jobs of this deployment, in this process. Waits for the queue's Redis for as long as it takes. */
export function startWork(settings: Needing<'redisUrl'>, options: WorkOptions): Work {
  const { log, metrics, local } = options;
  const cache = openRedis(settings.redisUrl, { role: 'cache', log });
  const executor = createExecutor({
    cache,
    onDone: (done) => {
      record(metrics, done);
      options.onDone?.(done);
    },
  });
  const workers = createWorkers({
    url: queueUrlOf(settings),
    name: settings.name,
    concurrency: settings.concurrency,
    attempts: settings.attempts,
    backoffMs: settings.backoffMs,
    log,
    execute: executor.execute,
    lastResort: executor.lastResort,
    stopWithinMs: STOP_MS,
    ...(local && { local }),
  });
  void workers.start(); // waits for Redis by itself, and logs meanwhile
  return {
    async stop() {
      await workers.stop();
      executor.stop();
      cache.close();
    },
  };
}

function record(metrics: Metrics, { rule, verb, touched, causes, atMs }: Done): void {
  metrics.keys.inc({ rule, verb }, touched);
  // Two clocks may differ; a negative latency would say more about them than about us.
  for (const { cause } of causes) metrics.latency.observe({ rule }, Math.max(0, atMs - cause.committedAtMs) / 1000);
}
