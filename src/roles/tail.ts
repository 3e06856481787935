import { type Needing, queueUrlOf } from '../config/settings.ts';
import type { Transaction } from '../core/change.ts';
import { formatLsn } from '../core/lsn.ts';
import type { Plan } from '../core/plan.ts';
import type { Log } from '../core/ports.ts';
import { openSql } from '../db/sql.ts';
import { createGate } from '../gate/gate.ts';
import { sleep } from '../pace/sleep.ts';
import { planFamilies } from '../plan/families.ts';
import { createPlanning, type Planning } from '../plan/index.ts';
import { createQueue, type Queue } from '../queue/queue.ts';
import { createOwed, type Owed, openRedis } from '../redis/index.ts';
import type { RuleSet } from '../rules/index.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { openWal } from '../wal/stream.ts';
import { work } from '../worker.ts';
import { prepareTail } from './preflight.ts';

export interface TailStatus {
  readonly state: string;
  readonly watermarkLsn: string;
  readonly confirmedLsn: string;
  readonly receivedLsn: string;
  readonly bytesInFlight: number;
  readonly lagMs: number | null;
  /** Transactions that wait until readers see them. */
  readonly held: number;
  readonly heldMs: number;
  /** Unfinished jobs. */
  readonly unfinished: number;
}

export interface Tail {
  /** Names this tail in jobs. */
  readonly id: string;
  /** Settles when the tail has ended: resolves after `stop`, rejects with what made it give up. */
  readonly ended: Promise<void>;
  /** An executor of this process has finished this job. */
  finished(n: number): void;
  status(): TailStatus;
  /** Reads no more, waits for what is in the queue to be finished, confirms it, and frees the slot. */
  stop(): Promise<void>;
}

/** How long a stop waits for jobs that are under way. With all that follows it, a worker leaves within ten seconds. */
const DRAIN_MS = 3_500;

/**
 * The side that reads the WAL: checks that database and rules fit each other, then streams, and enqueues what the rules
 * derive. Rejects where the database cannot be used; later trouble is waited out or ends `ended`.
 */
export async function startTail(
  settings: Needing<'databaseUrl' | 'redisUrl'>,
  ruleSet: RuleSet,
  { log, metrics }: { log: Log; metrics: Metrics },
): Promise<Tail> {
  const sql = openSql(settings.databaseUrl, { log, applicationName: `unstale ${settings.name}` });
  const redis = openRedis(queueUrlOf(settings), { role: 'queue', log });
  const owed = createOwed(redis, settings.name);
  const { gap } = await prepareTail(sql, settings, { ruleSet, log, owed }).catch(async (error: unknown) => {
    redis.close();
    await sql.end();
    throw error;
  });
  const queue = createQueue({
    url: queueUrlOf(settings),
    name: settings.name,
    batch: settings.batch,
    window: settings.window,
    attempts: settings.attempts,
    backoffMs: settings.backoffMs,
    log,
  });
  const stream = openWal({
    connection: { connectionString: settings.databaseUrl },
    slot: settings.name,
    publication: settings.name,
    sql,
    log,
  });
  const gate = createGate({
    sql,
    log,
    onWait: (ms) => metrics.gateWait.observe(ms / 1000),
    onBlind: () => stream.reopen('the database does not tell what is visible'),
  });
  const plan = planner(createPlanning(ruleSet), metrics);
  stream.start();
  const resynced = gap ? resync(ruleSet, { queue, metrics, owed }) : Promise.resolve();
  // The slot exists by now, so what changes during the resync comes through the stream.
  const ended = resynced.then(() => work({ stream, gate, plan, queue }));
  ended.catch(() => undefined); // whoever holds the tail looks at it
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stream.drain();
    gate.stop();
    await drained(queue);
    await stream.stop();
    await queue.stop();
    await ended.catch(() => undefined);
    redis.close();
    await sql.end();
  };
  return {
    id: queue.tail,
    ended,
    finished: (n) => queue.finished(n),
    status: () => {
      const { state, watermarkLsn, confirmedLsn, receivedLsn, bytesInFlight, lagMs } = stream.status();
      const held = gate.held();
      return {
        state,
        watermarkLsn: formatLsn(watermarkLsn),
        confirmedLsn: formatLsn(confirmedLsn),
        receivedLsn: formatLsn(receivedLsn),
        bytesInFlight,
        lagMs: lagMs ?? null,
        held: held.count,
        heldMs: held.oldestMs,
        unfinished: queue.unfinished,
      };
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function drained(queue: Queue): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (queue.unfinished > 0 && performance.now() < deadline) await sleep(5);
}

/** Invalidates every family that the rules own: what changed while there was no slot is unknown. */
async function resync(
  ruleSet: RuleSet,
  { queue, metrics, owed }: { queue: Queue; metrics: Metrics; owed: Owed },
): Promise<void> {
  metrics.gaps.inc({ reason: 'slot missing' });
  const cause = { lsn: formatLsn(0n), xid: 0, committedAtMs: Date.now() };
  await queue.enqueue(planFamilies(ruleSet, cause), () => void owed.clear().catch(() => undefined));
}

/** Plans and counts. */
function planner(planning: Planning, metrics: Metrics): (transactions: readonly Transaction[]) => Plan {
  return (transactions) => {
    for (const { changes } of transactions) countChanges(changes, metrics);
    const { plan, stats } = planning.plan(transactions);
    for (const { rule, changes, keys, widened } of stats) {
      metrics.ruleChanges.inc({ rule }, changes);
      for (const [verb, count] of Object.entries(keys)) metrics.effects.inc({ rule, verb }, count);
      for (const [reason, count] of Object.entries(widened)) metrics.widened.inc({ rule, reason }, count);
    }
    return plan;
  };
}

/** Runs of the same table and operation are counted at once: a label lookup a row would cost more than the row. */
function countChanges(changes: Transaction['changes'], metrics: Metrics): void {
  let run = 0;
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i];
    const next = changes[i + 1];
    if (!change) continue;
    run++;
    if (next?.relation === change.relation && next.op === change.op) continue;
    metrics.changes.inc({ table: change.relation.table, op: change.op }, run);
    run = 0;
  }
}
