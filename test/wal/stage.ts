import { Client } from 'pg';
import { afterAll, afterEach } from 'vitest';
import type { Change, Transaction, Value } from '../../src/core/change.ts';
import { parseLsn } from '../../src/core/lsn.ts';
import { type Log, type Sql, silent } from '../../src/core/ports.ts';
import { openSql } from '../../src/db/sql.ts';
import { ensurePublication, type TableName } from '../../src/wal/publication.ts';
import { createSlot, dropSlot, readSlot } from '../../src/wal/slot.ts';
import { openWal, type WalOptions, type WalStream } from '../../src/wal/stream.ts';
import { until, useDatabase } from '../harness.ts';

let slots = 0;

/** A slot name that no other test of this run has. */
export function slotName(): string {
  return `wal_${process.pid}_${++slots}`;
}

export interface Stage {
  readonly url: string;
  readonly sql: Sql;
  readonly slot: string;
  readonly publication: string;
  /** Runs statements one after another in a session of their own. */
  run(...statements: readonly string[]): Promise<void>;
  /** A further session, closed after the file's tests. */
  session(): Promise<Client>;
  /** A stream that is stopped after the test. */
  open(options?: Partial<WalOptions>): WalStream;
  /** Confirmed position of the slot. */
  confirmed(): Promise<bigint>;
  /** Position of the server's WAL. */
  written(): Promise<bigint>;
}

/** A database with these tables, a publication of them and a slot behind them. */
export async function useStage(options: {
  ddl?: readonly string[];
  tables?: readonly TableName[];
  url?: string;
  publication?: string;
}): Promise<Stage> {
  const url = options.url ?? (await useDatabase());
  const slot = slotName();
  const publication = options.publication ?? 'unstale';
  const sql = openSql(url, { log: silent, applicationName: 'wal test' });
  const clients: Client[] = [];
  const streams: WalStream[] = [];
  afterEach(async () => {
    await Promise.all(streams.splice(0).map((stream) => stream.stop()));
  });
  afterAll(async () => {
    await dropSlot(sql, slot).catch(() => undefined);
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    await sql.end();
  });
  const session = async () => {
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const stage: Stage = {
    url,
    sql,
    slot,
    publication,
    session,
    async run(...statements) {
      const client = await session();
      for (const statement of statements) await client.query(statement);
      await client.end();
    },
    open(more = {}) {
      const stream = openWal({ connection: { connectionString: url }, slot, publication, sql, log: silent, ...more });
      streams.push(stream);
      stream.start();
      return stream;
    },
    confirmed: async () => (await readSlot(sql, slot))?.confirmedLsn ?? 0n,
    async written() {
      const [row] = await sql.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
      return parseLsn(row?.lsn ?? '');
    },
  };
  await stage.run(...(options.ddl ?? []));
  await ensurePublication(sql, publication, options.tables ?? []);
  await createSlot(sql, slot);
  return stage;
}

/** Takes until so many changes (or what `enough` says) have come; the slices in order. */
export async function collect(
  stream: WalStream,
  enough: number | ((transactions: readonly Transaction[]) => boolean),
  timeoutMs = 10_000,
): Promise<Transaction[]> {
  const got: Transaction[] = [];
  const done =
    typeof enough === 'number' ? () => got.reduce((n, one) => n + one.changes.length, 0) >= enough : () => enough(got);
  const timer = setTimeout(() => stream.drain(), timeoutMs);
  while (!done()) {
    const taken = await stream.take();
    if (!taken) throw new Error(`the stream ended after ${got.length} transactions`);
    got.push(...taken);
  }
  clearTimeout(timer);
  return got;
}

/** Takes and finishes whatever comes, until the stream ends. */
export async function consume(stream: WalStream): Promise<void> {
  for (;;) {
    const taken = await stream.take();
    if (!taken) return;
    stream.finish(taken);
  }
}

/** A row image as an object; what was not sent is absent. */
export function image(change: Change, which: 'before' | 'after'): Record<string, Value> | undefined {
  const row = change[which];
  if (!row) return undefined;
  const entries = change.relation.columns.map((column, i) => [column.name, row.at(i)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** `insert {"id":"1"}`, `update {old} -> {new}`: easy to compare. */
export function describeChange(change: Change): string {
  const parts = [image(change, 'before'), image(change, 'after')].filter((part) => part !== undefined);
  return [change.op, change.relation.name, ...parts.map((part) => JSON.stringify(part))].join(' ');
}

export const changesOf = (transactions: readonly Transaction[]): readonly Change[] =>
  transactions.flatMap((transaction) => transaction.changes);

/** Values of the first column of every new row, in order. */
export const ids = (transactions: readonly Transaction[]): readonly Value[] =>
  changesOf(transactions).map((change) => change.after?.at(0));

/** Waits until the stream reads from the slot. */
export async function streaming(stream: WalStream): Promise<void> {
  await until(() => stream.status().state === 'streaming', { what: 'the stream to begin' });
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export function recordingLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields: { ...fields } });
  };
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}
