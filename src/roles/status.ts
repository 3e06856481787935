import { type Needing, queueUrlOf } from '../config/settings.ts';
import { formatLsn, type Lsn } from '../core/lsn.ts';
import type { Log } from '../core/ports.ts';
import { openSql } from '../db/sql.ts';
import { openQueueView, type QueueCounts } from '../queue/view.ts';
import { openRedis, readBoards } from '../redis/index.ts';
import { type Board, mergeBoards, quantileMs } from '../telemetry/board.ts';
import { readSlot, type SlotState } from '../wal/slot.ts';

/** What `unstale status --json` prints. Names are a contract with scripts. */
export interface Status {
  readonly slot: {
    readonly name: string;
    readonly active: boolean;
    readonly restart_lsn: string | null;
    readonly confirmed_flush_lsn: string | null;
    readonly wal_status: string | null;
    readonly lag_bytes: number | null;
    readonly lag_seconds: number | null;
    /** Bytes that may still be written before the slot is in danger; null without a limit. */
    readonly wal_budget_bytes: number | null;
  } | null;
  readonly watermark_lsn: string | null;
  readonly tails: readonly unknown[];
  readonly queues: QueueCounts;
  readonly dead: number;
  readonly gaps: readonly { readonly at: string; readonly reason: string }[];
  readonly rules: Readonly<Record<string, RuleStatus>>;
}

export interface RuleStatus {
  readonly changes: number;
  readonly keys: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly hits: number;
  readonly misses: number;
}

/** What a process has left in Redis, as far as `status` reads it. */
interface Posted {
  readonly rules?: Board;
  readonly tail?: { readonly state: string; readonly watermarkLsn: string; readonly lagMs: number | null } | null;
}

/** Asks database, queues and the processes' boards. Rejects where one of them cannot be reached. */
export async function readStatus(settings: Needing<'databaseUrl' | 'redisUrl'>, log: Log): Promise<Status> {
  const url = queueUrlOf(settings);
  const sql = openSql(settings.databaseUrl, { log, applicationName: `unstale ${settings.name} status`, max: 1 });
  const redis = openRedis(url, { role: 'queue', log });
  try {
    const [slot, boards, queues] = await Promise.all([
      readSlot(sql, settings.name),
      redis.ready().then(() => readBoards(redis, settings.name)),
      countQueues(url, settings.name),
    ]);
    const posted = boards as readonly Posted[];
    const tail = posted.find((board) => board.tail?.state === 'streaming')?.tail ?? null;
    return {
      slot: slot ? slotStatus(slot, tail?.lagMs ?? null) : null,
      watermark_lsn: tail?.watermarkLsn ?? null,
      tails: posted.flatMap((board) => board.tail ?? []),
      queues,
      dead: Object.values(queues).reduce((sum, { failed }) => sum + failed, 0),
      gaps: [],
      rules: rulesStatus(posted.map((board) => board.rules ?? {})),
    };
  } finally {
    redis.close();
    await sql.end();
  }
}

async function countQueues(url: string, name: string): Promise<QueueCounts> {
  const view = await openQueueView({ url, name });
  try {
    return await view.counts();
  } finally {
    await view.close();
  }
}

function slotStatus(slot: SlotState, lagMs: number | null): Status['slot'] {
  const text = (lsn: Lsn | undefined) => (lsn === undefined ? null : formatLsn(lsn));
  return {
    name: slot.name,
    active: slot.activePid !== undefined,
    restart_lsn: text(slot.restartLsn),
    confirmed_flush_lsn: text(slot.confirmedLsn),
    wal_status: slot.walStatus ?? null,
    lag_bytes: slot.lagBytes ?? null,
    lag_seconds: lagMs === null ? null : lagMs / 1000,
    wal_budget_bytes: slot.safeBytes ?? null,
  };
}

function rulesStatus(boards: readonly Board[]): Record<string, RuleStatus> {
  const entries = Object.entries(mergeBoards(boards)).sort(([a], [b]) => a.localeCompare(b));
  return Object.fromEntries(
    entries.map(([rule, { changes, keys, buckets }]) => [
      rule,
      { changes, keys, p50_ms: quantileMs(buckets, 0.5), p99_ms: quantileMs(buckets, 0.99), hits: 0, misses: 0 },
    ]),
  );
}
