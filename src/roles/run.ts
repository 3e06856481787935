import { randomBytes } from 'node:crypto';
import { type Needing, queueUrlOf, redacted } from '../config/settings.ts';
import { type ErrorCode, UnstaleError } from '../core/errors/index.ts';
import type { Log } from '../core/ports.ts';
import type { Done } from '../execute/executor.ts';
import { sleep } from '../pace/sleep.ts';
import { type Boards, createBoards, openRedis } from '../redis/index.ts';
import type { RuleSet } from '../rules/index.ts';
import { boardOf } from '../telemetry/board.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { startTail, type Tail } from './tail.ts';
import { startWork, type Work } from './work.ts';

export type Role = 'tail' | 'work';

export interface RunOptions {
  readonly roles: readonly Role[];
  readonly log: Log;
  /** Ends the roles in good order. */
  readonly signal: AbortSignal;
  readonly metrics?: Metrics;
  readonly onDone?: ((done: Done) => void) | undefined;
  /** The tail reads the stream, or the executors take jobs. */
  readonly onReady?: ((tail: Tail | undefined) => void) | undefined;
}

const BOARD_EVERY_MS = 1_000;
/** Servers that hang must not hold up the end: what is not confirmed by then is done again by the next worker. */
const LEAVE_MS = 9_000;

/** The worker: runs the roles until the signal is aborted or the tail gives up. Rejects with the tail's error. */
export async function runRoles(
  settings: Needing<'databaseUrl' | 'redisUrl'>,
  ruleSet: RuleSet,
  options: RunOptions,
): Promise<void> {
  const { roles, log, signal, metrics = createMetrics() } = options;
  log.info({ roles, rules: ruleSet.rules.length, ruleSet: ruleSet.hash, ...redacted(settings) }, 'starting');
  await refuseWrongRedis(settings);
  const starting = roles.includes('tail') ? startTail(settings, ruleSet, { log, metrics }) : undefined;
  const tail = (await Promise.race([starting, aborted(signal)])) ?? undefined;
  if (signal.aborted) {
    // It may still wait for the database; whatever it comes to is not wanted any more.
    void starting?.then((late) => late.stop()).catch(() => undefined);
    return;
  }
  const local = tail && { tail: tail.id, finished: (n: number) => tail.finished(n) };
  // Rules that nothing has happened to yet are told of too.
  for (const { name } of ruleSet.rules) metrics.ruleChanges.inc({ rule: name }, 0);
  const work: Work | undefined = roles.includes('work')
    ? startWork(settings, { log, metrics, local, onDone: options.onDone })
    : undefined;
  const posting = postBoards(settings, { log, metrics, tail, roles });
  options.onReady?.(tail);
  try {
    await Promise.race([tail?.ended ?? new Promise<never>(() => undefined), aborted(signal)]);
  } finally {
    log.info({}, 'leaving: what is in hand is finished first');
    // The stream first, so that nothing new comes; its plans still need the executors to be finished and confirmed.
    const leaving = (async () => {
      await tail?.stop();
      await work?.stop();
      await posting.stop();
    })();
    const deadline = new AbortController();
    await Promise.race([leaving, sleep(LEAVE_MS, deadline.signal)]);
    deadline.abort();
  }
}

/** A Redis that is away is waited for; one that will never let us in ends the worker at once. */
async function refuseWrongRedis(settings: Needing<'redisUrl'>): Promise<void> {
  const urls = new Set([settings.redisUrl, queueUrlOf(settings)]);
  for (const url of urls) {
    const redis = openRedis(url, { role: 'cache' });
    try {
      await redis.ready(PROBE_MS);
    } catch (error) {
      if (error instanceof UnstaleError && HOPELESS.includes(error.code)) throw error;
    } finally {
      redis.close();
    }
  }
}

const PROBE_MS = 1_000;
const HOPELESS: readonly ErrorCode[] = ['REDIS_AUTH', 'REDIS_FORBIDDEN', 'REDIS_NO_SUCH_DATABASE', 'REDIS_BAD_URL'];

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Leaves this process's figures in the queue's Redis every second. */
function postBoards(
  settings: Needing<'redisUrl'>,
  of: { log: Log; metrics: Metrics; tail: Tail | undefined; roles: readonly Role[] },
): { stop(): Promise<void> } {
  const redis = openRedis(queueUrlOf(settings), { role: 'queue', log: of.log });
  const boards: Boards = createBoards(redis, settings.name, randomBytes(6).toString('hex'));
  const post = async (): Promise<void> => {
    const rules = await boardOf(of.metrics);
    // A Redis that is away is reported by the queue; figures can be missing for a while.
    await boards.post({ roles: of.roles, rules, tail: of.tail?.status() ?? null }).catch(() => undefined);
  };
  const timer = setInterval(() => void post(), BOARD_EVERY_MS);
  void redis.ready().then(post, () => undefined);
  return {
    async stop() {
      clearInterval(timer);
      await boards.remove().catch(() => undefined);
      redis.close();
    },
  };
}
