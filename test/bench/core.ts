/**
 * End to end: WAL to keys gone to low watermark passed, beside a reader of the same WAL that throws it away; commit to
 * gone at a steady load; memory while a large transaction passes.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type PostgresServer, type RedisServer, startPostgres, startRedis } from '../../src/servers/index.ts';
import type { BenchOptions, Figure } from './main.ts';
import { type Reader, rawReader } from './raw-reader.ts';

const NAME = 'bench';
const TABLE = `create table bench (id bigint primary key, a int, b text, c text, d numeric, e int, f jsonb, g bool, h timestamptz, i timestamptz)`;
const ROW = `i, i % 7, md5(i::text), md5((i + 1)::text), i / 3.0, i % 100, '{"k": "value"}', true, now(), now()`;
const RULES = 'edition: 1\nrules:\n  bench:\n    key: bench:${id}\n    watch: bench\n';

interface Bed {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly url: string;
  readonly client: pg.Client;
  readonly rules: string;
}

export async function core({ runs, short }: BenchOptions): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'unstale-bench-'));
  const postgres = await startPostgres({ settings: { max_wal_size: '8GB' } });
  const redis = await startRedis();
  const url = await postgres.createDatabase();
  const client = new pg.Client(url);
  await client.connect();
  const rules = join(folder, 'rules.yaml');
  await writeFile(rules, RULES);
  const bed = { postgres, redis, url, client, rules };
  try {
    await client.query(TABLE);
    await client.query(`create publication ${NAME} for table bench`);
    const large = await compare(bed, { rows: short ? 200_000 : 1_000_000, perTransaction: 1000, runs });
    const single = await compare(bed, { rows: short ? 40_000 : 200_000, perTransaction: 1, runs });
    const latency = await measureLatency(bed, { perSecond: 1000, seconds: short ? 5 : 15 });
    const memory = await measureMemory(bed, short ? 300_000 : 1_000_000);
    return [...large, ...single, ...latency, memory];
  } finally {
    await client.end();
    await redis.close();
    await postgres.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Reads the same WAL in turns: a raw reader, then the worker, each from a slot of its own at the same position. */
async function compare(bed: Bed, of: { rows: number; perTransaction: number; runs: number }): Promise<Figure[]> {
  const reader = rawReader();
  await bed.client.query(`select pg_create_logical_replication_slot('origin', 'pgoutput')`);
  const end = await write(bed.client, of);
  const raw: number[] = [];
  const ours: number[] = [];
  for (let run = 0; run < of.runs; run++) {
    raw.push(of.rows / ((await readRaw(bed, reader, end)) / 1000));
    ours.push(of.rows / ((await readOurs(bed, end)).ms / 1000));
  }
  await bed.client.query(`select pg_drop_replication_slot('origin')`);
  const what = `${of.perTransaction}-row transactions`;
  const ratios = ours.map((value, i) => value / (raw[i] ?? Number.NaN));
  return [
    { name: `${what}: ${reader.name}`, value: median(raw), unit: 'rows/s', runs: raw },
    { name: `${what}: keys gone, watermark passed`, value: median(ours), unit: 'rows/s', runs: ours },
    { name: `${what}: ratio`, value: median(ratios), unit: '', runs: ratios, mark: { atLeast: 0.4 } },
  ];
}

/** Distinct keys, in a procedure that commits as it goes. Returns the end of the WAL. */
async function write(
  client: pg.Client,
  { rows, perTransaction }: { rows: number; perTransaction: number },
): Promise<string> {
  await client.query('truncate bench');
  await client.query(`
    create or replace procedure fill() language plpgsql as $$
    begin
      for t in 0..${rows / perTransaction - 1} loop
        insert into bench select ${ROW} from generate_series(t * ${perTransaction}, (t + 1) * ${perTransaction} - 1) i;
        commit;
      end loop;
    end $$`);
  // Without waiting for the log at each commit; the load of the latency figures does wait, as applications do.
  await client.query('set synchronous_commit = off');
  await client.query('call fill()');
  await client.query('set synchronous_commit = on');
  const { rows: found } = await client.query<{ lsn: string }>(
    'select pg_current_wal_flush_lsn()::text as lsn, txid_current()',
  );
  await client.query('checkpoint');
  return found[0]?.lsn ?? '';
}

async function readRaw(bed: Bed, reader: Reader, end: string): Promise<number> {
  await bed.client.query(`select pg_copy_logical_replication_slot('origin', 'raw')`);
  try {
    return await reader.read(bed.url, 'raw', NAME, end);
  } finally {
    await dropSlot(bed.client, 'raw');
  }
}

async function readOurs(bed: Bed, end: string): Promise<{ ms: number }> {
  await bed.client.query(`select pg_copy_logical_replication_slot('origin', '${NAME}')`);
  const worker = await startWorker(bed);
  const told = await worker.ask({ kind: 'until', lsn: end });
  await worker.stop();
  await dropSlot(bed.client, NAME);
  return { ms: told.ms };
}

async function measureLatency(bed: Bed, of: { perSecond: number; seconds: number }): Promise<Figure[]> {
  await bed.client.query(`select pg_create_logical_replication_slot('${NAME}', 'pgoutput')`);
  await bed.client.query('truncate bench');
  await bed.client.query(`insert into bench select ${ROW} from generate_series(1, 10000) i`);
  const worker = await startWorker(bed);
  await worker.ask({ kind: 'until', lsn: await position(bed.client) });
  await worker.ask({ kind: 'forget' });
  await load(bed.url, of);
  await worker.ask({ kind: 'until', lsn: await position(bed.client) });
  const told = await worker.ask({ kind: 'latencies' });
  await worker.stop();
  await dropSlot(bed.client, NAME);
  const sorted = told.latencies.toSorted((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
  const name = `commit to gone at ${of.perSecond} tx/s (${sorted.length} commits)`;
  return [
    { name: `${name}: p50`, value: at(0.5), unit: 'ms', runs: [] },
    { name: `${name}: p99`, value: at(0.99), unit: 'ms', runs: [], mark: { below: 50 } },
  ];
}

/** Single-row updates by four sessions, each on a fixed beat, so that a slow answer does not slow the load down. */
async function load(url: string, { perSecond, seconds }: { perSecond: number; seconds: number }): Promise<void> {
  const sessions = 4;
  const everyMs = (1000 * sessions) / perSecond;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: sessions }, async (_, session) => {
      const client = new pg.Client(url);
      await client.connect();
      const beats = Math.floor((perSecond * seconds) / sessions);
      for (let beat = 0; beat < beats; beat++) {
        const due = started + beat * everyMs + (session * everyMs) / sessions;
        const wait = due - performance.now();
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        await client.query('update bench set a = a + 1 where id = $1', [1 + ((beat * sessions + session) % 10_000)]);
      }
      await client.end();
    }),
  );
}

async function measureMemory(bed: Bed, rows: number): Promise<Figure> {
  await bed.client.query('truncate bench');
  await bed.client.query(`select pg_create_logical_replication_slot('${NAME}', 'pgoutput')`);
  await bed.client.query(`insert into bench select ${ROW} from generate_series(1, ${rows}) i`);
  const worker = await startWorker(bed);
  const told = await worker.ask({ kind: 'until', lsn: await position(bed.client) });
  await worker.stop();
  await dropSlot(bed.client, NAME);
  const name = `memory while a transaction of ${rows.toLocaleString('en')} rows passes`;
  return { name, value: told.rssBytes / 2 ** 20, unit: 'MB RSS', runs: [], mark: { below: 250 } };
}

async function position(client: pg.Client): Promise<string> {
  await client.query(`select pg_logical_emit_message(true, 'bench', '')`);
  const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
  return rows[0]?.lsn ?? '';
}

async function dropSlot(client: pg.Client, name: string): Promise<void> {
  for (;;) {
    const { rows } = await client.query(`select active from pg_replication_slots where slot_name = $1`, [name]);
    if (rows.length === 0) return;
    if (!rows[0].active) await client.query('select pg_drop_replication_slot($1)', [name]);
  }
}

type Asked = { readonly kind: 'until'; readonly lsn: string } | { readonly kind: 'latencies' | 'forget' | 'stop' };

interface Told {
  /** From the start of the worker's roles to the low watermark at the position asked for. */
  readonly ms: number;
  /** Commit to gone, milliseconds, one a transaction and step. */
  readonly latencies: readonly number[];
  /** The largest resident set so far. */
  readonly rssBytes: number;
}

interface BenchWorker {
  ask(asked: Asked): Promise<Told>;
  stop(): Promise<void>;
}

/** The worker, both roles in one process as `unstale run` has them, told to stay ready to answer. */
async function startWorker({ url, redis, rules }: Bed): Promise<BenchWorker> {
  const env = {
    ...process.env,
    DATABASE_URL: url,
    REDIS_URL: redis.url,
    UNSTALE_RULES: rules,
    UNSTALE_NAME: NAME,
    LOG_LEVEL: 'warn',
  };
  const child: ChildProcess = fork(new URL('./worker.mjs', import.meta.url), { env, execArgv: [] });
  const ask = async (asked: Asked): Promise<Told> => {
    child.send(asked);
    const [told] = (await Promise.race([once(child, 'message'), failed(child)])) as [Told];
    return told;
  };
  await Promise.race([once(child, 'message'), failed(child)]);
  return {
    ask,
    async stop() {
      const exit = once(child, 'exit');
      child.send({ kind: 'stop' } satisfies Asked);
      await exit;
    },
  };
}

async function failed(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`the worker ended with ${code}`);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
