import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { readRuleFiles } from '../config/rule-files.ts';
import { loadSettings } from '../config/settings.ts';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import { parseLsn } from '../core/lsn.ts';
import type { Sql } from '../core/ports.ts';
import { openSql, type SqlPool } from '../db/sql.ts';
import type { Done } from '../execute/executor.ts';
import { sleep } from '../pace/sleep.ts';
import { openRedis, type RedisConnection } from '../redis/index.ts';
import type { ValidRules } from '../roles/checks.ts';
import { runRoles } from '../roles/run.ts';
import { setupDatabase } from '../roles/setup.ts';
import type { Tail } from '../roles/tail.ts';
import { loadRules } from '../rules/index.ts';
import { startPostgres, startRedis } from '../servers/index.ts';
import { createLog } from '../telemetry/log.ts';
import { pick } from './pick.ts';
import { type CountingCache, createCache } from './reader.ts';
import { SYSTEMS } from './systems/index.ts';

export interface DemoOptions {
  /** Ends by itself after so long; else with the signal. */
  readonly seconds?: number | undefined;
  readonly signal: AbortSignal;
  readonly logLevel: string;
  readonly print: (line: string) => void;
}

export interface DemoSummary {
  readonly seconds: number;
  readonly changes: number;
  readonly keys: number;
  readonly hits: number;
  readonly misses: number;
  /** Commit to gone. */
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  /** Cached entries compared with the tables at the end, and those that differed. */
  readonly compared: number;
  readonly stale: number;
}

const RULES = fileURLToPath(new URL('../../rules/', import.meta.url));
const WRITERS = 2;
const READERS = 3;
const WRITE_PAUSE_MS = 20;
const READ_PAUSE_MS = 2;
/** Lines a second, at most: more could not be read. */
const LINES_PER_SECOND = 5;

/** The main job on servers of its own. Everything is gone afterwards. */
export async function runDemo(options: DemoOptions): Promise<DemoSummary> {
  const { print } = options;
  const closing: (() => Promise<unknown>)[] = [];
  try {
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
    closing.push(
      () => postgres.close(),
      () => redis.close(),
    );
    print(`Postgres ${postgres.version}: ${postgres.source}`);
    print(`Redis ${redis.version}: ${redis.source}`);
    const env = {
      DATABASE_URL: await postgres.createDatabase(),
      REDIS_URL: redis.url,
      UNSTALE_RULES: RULES,
      LOG_LEVEL: options.logLevel,
    };
    const settings = loadSettings(env, {}, ['databaseUrl', 'redisUrl']);
    const log = createLog({ level: settings.logLevel });
    const sql = openSql(settings.databaseUrl, { log, applicationName: 'demo application', max: WRITERS + READERS });
    closing.push(() => sql.end());
    const rules = await prepare(sql);
    await setupDatabase(settings, rules, { print: false, log });
    const cache = openRedis(settings.redisUrl, { role: 'cache', log });
    closing.push(async () => cache.close());
    await cache.ready();

    const stopping = new AbortController();
    const show = createShow(print);
    let ready: (tail: Tail | undefined) => void = () => undefined;
    const tail = new Promise<Tail | undefined>((resolve) => {
      ready = resolve;
    });
    const running = runRoles(settings, rules.ruleSet, {
      roles: ['tail', 'work'],
      log,
      signal: stopping.signal,
      onDone: show.done,
      onReady: (started) => ready(started),
    });
    closing.push(() => running);
    closing.push(async () => stopping.abort());
    const started = await Promise.race([tail, running.then(() => undefined)]);
    if (!started) throw new UnstaleError('INTERNAL', 'the worker ended before it began');
    return await play({ sql, cache, tail: started, show }, options);
  } finally {
    for (const close of closing.reverse())
      await close().catch((error: unknown) => print(`closing: ${messageOf(error)}`));
  }
}

async function prepare(sql: Sql): Promise<ValidRules> {
  for (const { name } of SYSTEMS) {
    for (const file of ['schema.sql', 'seed.sql']) await sql.query(await readFile(`${RULES}${name}/${file}`, 'utf8'));
  }
  const { ruleSet, locate, findings } = loadRules(await readRuleFiles([RULES]));
  if (!ruleSet) throw new UnstaleError('RULES_INVALID', 'the rule files of the demo have errors', { findings });
  return { ruleSet, locate };
}

interface Stage {
  readonly sql: SqlPool;
  readonly cache: RedisConnection;
  readonly tail: Tail;
  readonly show: Show;
}

/** Lets writers and readers loose until the time is up, then compares what is cached with the tables. */
async function play({ sql, cache, tail, show }: Stage, { seconds, signal, print }: DemoOptions): Promise<DemoSummary> {
  // With a controller and a timer that are held here: a signal of AbortSignal.timeout that only AbortSignal.any refers to
  // may be collected before its time, and then nothing ever ends.
  const ending = new AbortController();
  const over = ending.signal;
  const end = (): void => ending.abort();
  const timer = seconds === undefined ? undefined : setTimeout(end, seconds * 1000);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const reader: CountingCache = createCache(cache);
  const startedMs = performance.now();
  let changes = 0;
  const writing = Array.from({ length: WRITERS }, async () => {
    while (!over.aborted) {
      await pick(SYSTEMS).write(sql);
      changes++;
      await sleep(WRITE_PAUSE_MS * (0.5 + Math.random()), over);
    }
  });
  const reading = Array.from({ length: READERS }, async () => {
    while (!over.aborted) {
      await pick(SYSTEMS).read(reader, sql);
      await sleep(READ_PAUSE_MS, over);
    }
  });
  await Promise.all([...writing, ...reading]).finally(() => clearTimeout(timer));
  const played = (performance.now() - startedMs) / 1000;
  await settled(sql, tail);
  const { compared, stale } = await compare(cache, sql);
  const summary = { seconds: played, changes, ...show.figures(), ...reader.counts, compared, stale: stale.length };
  for (const key of stale) print(`STALE ${key}`);
  for (const line of summaryLines(summary)) print(line);
  return summary;
}

/** Waits until everything that was written is finished. */
async function settled(sql: Sql, tail: Tail): Promise<void> {
  const [row] = await sql.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
  const target = parseLsn(row?.lsn ?? '0/0');
  const deadline = performance.now() + 30_000;
  while (parseLsn(tail.status().watermarkLsn) < target) {
    // Without more WAL the server has nothing to tell that would move the mark.
    await sql.query(`select pg_logical_emit_message(false, 'demo', '')`);
    if (performance.now() > deadline) throw new UnstaleError('INTERNAL', `the watermark did not reach ${row?.lsn}`);
    await sleep(20);
  }
}

async function compare({ client }: RedisConnection, sql: Sql): Promise<{ compared: number; stale: readonly string[] }> {
  let compared = 0;
  const stale: string[] = [];
  for (const key of await client.keys('*')) {
    if ((await client.type(key)) !== 'string') continue;
    const fresh = await freshValue(key, sql);
    if (fresh === undefined) continue;
    compared++;
    const cached = await client.get(key);
    if (cached !== null && cached !== fresh) stale.push(key);
  }
  return { compared, stale };
}

async function freshValue(key: string, sql: Sql): Promise<string | undefined> {
  for (const system of SYSTEMS) {
    const value = await system.fresh(key, sql);
    if (value !== undefined) return value;
  }
  return undefined;
}

interface Show {
  readonly done: (done: Done) => void;
  figures(): { readonly keys: number; readonly p50_ms: number | null; readonly p99_ms: number | null };
}

/** Prints what happens as it happens, a few lines a second, and remembers every latency. */
function createShow(print: (line: string) => void): Show {
  const latencies: number[] = [];
  let keys = 0;
  let lineAtMs = 0;
  let unseen = 0;
  return {
    done({ rule, verb, keys: touched, causes, atMs }) {
      keys += touched.length;
      const waited = causes.map(({ cause }) => atMs - cause.committedAtMs);
      latencies.push(...waited);
      if (atMs - lineAtMs < 1000 / LINES_PER_SECOND) {
        unseen++;
        return;
      }
      const more = unseen > 0 ? `   (and ${unseen} more)` : '';
      const list = touched.slice(0, 3).join('  ') + (touched.length > 3 ? `  +${touched.length - 3}` : '');
      print(
        `${Math.max(...waited)
          .toFixed(1)
          .padStart(7)} ms  ${verb.padEnd(6)} ${rule.padEnd(16)} ${list}${more}`,
      );
      lineAtMs = atMs;
      unseen = 0;
    },
    figures() {
      const sorted = latencies.toSorted((a, b) => a - b);
      const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;
      return { keys, p50_ms: at(0.5), p99_ms: at(0.99) };
    },
  };
}

function summaryLines(summary: DemoSummary): readonly string[] {
  const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
  const reads = summary.hits + summary.misses;
  const ratio = reads === 0 ? '-' : `${((100 * summary.hits) / reads).toFixed(0)} %`;
  return [
    '',
    `${summary.changes} changes in ${summary.seconds.toFixed(0)} s, ${summary.keys} keys invalidated, ${reads} reads, ${ratio} of them hits`,
    `commit to gone: p50 ${ms(summary.p50_ms)}, p99 ${ms(summary.p99_ms)}`,
    `${summary.compared} cached entries compared with the tables: ${summary.stale} stale`,
  ];
}
