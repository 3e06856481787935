import { describe, expect, it, vi } from 'vitest';
import type { Transaction } from '../../src/core/change.ts';
import type { WalStream } from '../../src/wal/stream.ts';
import { until, usePostgres } from '../harness.ts';
import { useProxy } from './proxy.ts';
import { collect, ids, type Stage, streaming, useStage } from './stage.ts';

/**
 * The ways in which the library underneath loses changes or gets stuck when it is used as it comes. Each test fails
 * when the guard in src/wal is taken out.
 */

const stage = await useStage({
  ddl: ['create table item (id int primary key, name text)', 'create table "Mixed" (id int primary key)'],
  tables: [{ schema: 'public', name: 'item' }],
});
const proxy = await useProxy(stage.url);
const direct = { connectionString: stage.url };
const watched = { connectionString: proxy.url };
let next = 0;

const insert = async (on: Stage = stage): Promise<string> => {
  await on.run(`insert into item values (${++next}, 'x')`);
  return `${next}`;
};

/** Ends the server process that serves the stream, as a crash or an administrator would, and waits for the next one. */
async function cut(on: Stage): Promise<void> {
  const pid = async () => {
    const [row] = await on.sql.query<{ pid: number | null }>(
      'select active_pid as pid from pg_replication_slots where slot_name = $1',
      [on.slot],
    );
    return row?.pid ?? undefined;
  };
  const old = await pid();
  await on.sql.query('select pg_terminate_backend($1)', [old]);
  await until(async () => ![undefined, old].includes(await pid()), { what: 'the next connection' });
}

/** Waits until the low watermark of this moment is confirmed. */
async function confirmedUpTo(stream: WalStream, on: Stage = stage): Promise<void> {
  const { watermarkLsn } = stream.status();
  await until(async () => (await on.confirmed()) >= watermarkLsn, { what: 'the watermark to be confirmed' });
}

const finishAll = (stream: WalStream, ...parts: (readonly Transaction[])[]): void => {
  for (const part of parts) stream.finish(part);
};

describe('what was received but not finished', () => {
  it('is not confirmed by any timer of the library', async () => {
    const stream = stage.open({ connection: watched, horizonMs: 0 });
    await streaming(stream);
    await insert();
    const got = await collect(stream, 1);
    // Its timer looks every second, and confirms where that was last done more than ten seconds ago by the calendar.
    let calendar = Date.now();
    const hurry = vi.spyOn(Date, 'now').mockImplementation(() => {
      calendar += 60_000;
      return calendar;
    });
    const before = proxy.reports.length;
    await until(() => proxy.reports.length >= before + 3, { what: 'three status reports' });
    hurry.mockRestore();
    const commit = got[0]?.commitLsn ?? 0n;
    expect(proxy.reports.filter((report) => report.flush > commit)).toEqual([]);
    finishAll(stream, got);
  });

  it('is not confirmed by what was finished after it, and comes again', async () => {
    const first = stage.open({ horizonMs: 0 });
    const lost = await insert();
    const unfinished = await collect(first, 1);
    const [later, last] = [await insert(), await insert()];
    finishAll(first, await collect(first, 2));
    await confirmedUpTo(first);
    await first.stop();
    const second = stage.open({ horizonMs: 0 });
    const again = await collect(second, 3);
    expect(ids(again)).toEqual([lost, later, last]);
    finishAll(second, again, unfinished);
  });

  it('comes again when the connection breaks within one process', async () => {
    const stream = stage.open({ horizonMs: 0 });
    await streaming(stream);
    const id = await insert();
    const given = await collect(stream, 1);
    await cut(stage);
    const again = await collect(stream, 1);
    expect(ids(again)).toEqual([id]);
    finishAll(stream, again, given);
  });

  it('is not finished by the end of an effect of an earlier connection', async () => {
    const stream = stage.open({ horizonMs: 0 });
    await streaming(stream);
    const id = await insert();
    const given = await collect(stream, 1);
    await cut(stage);
    const again = await collect(stream, 1);
    const commit = again[0]?.commitLsn ?? 0n;
    finishAll(stream, given, given);
    expect(stream.status().watermarkLsn).toBeLessThanOrEqual(commit);
    await stream.stop();
    const third = stage.open({ horizonMs: 0 });
    const rest = await collect(third, 1);
    expect(ids(rest)).toEqual([id]);
    finishAll(third, rest);
  });
});

describe('the confirmed position', () => {
  it('does not skip a transaction that was committed right behind the finished one', async () => {
    const [first, second] = [await stage.session(), await stage.session()];
    for (let round = 0; ; round++) {
      expect(round, 'two commit records side by side').toBeLessThan(50);
      const stream = stage.open({ horizonMs: 0 });
      await streaming(stream);
      const [one, two] = [++next, ++next];
      await first.query(`begin; insert into item values (${one})`);
      await second.query(`begin; insert into item values (${two})`);
      await Promise.all([first.query('commit'), second.query('commit')]);
      const got = await collect(stream, 2);
      finishAll(stream, got.slice(0, 1));
      const adjacent = stream.status().watermarkLsn === got[1]?.commitLsn;
      if (!adjacent) {
        finishAll(stream, got);
        await stream.stop();
        continue;
      }
      await confirmedUpTo(stream);
      await stream.stop();
      const again = stage.open({ horizonMs: 0 });
      const rest = await collect(again, 1);
      expect(ids(rest)).toEqual(ids(got).slice(1));
      finishAll(again, rest);
      return;
    }
  });

  it('is reported as such from the first report on, is never zero and never goes back', async () => {
    const start = await stage.confirmed();
    const from = proxy.reports.length;
    const stream = stage.open({ connection: watched, horizonMs: 0 });
    for (let i = 0; i < 2; i++) {
      await insert();
      finishAll(stream, await collect(stream, 1));
      await confirmedUpTo(stream);
    }
    await stream.stop();
    const flushed = proxy.reports.slice(from).map((report) => report.flush);
    expect(flushed.length).toBeGreaterThan(3);
    expect(flushed[0]).toBe(start);
    expect(flushed).toEqual(flushed.toSorted((a, b) => Number(a - b)));
    for (const report of proxy.reports) expect([report.write, report.apply]).toEqual([report.flush, report.flush]);
  });

  it('is sent by time and not by message', async () => {
    const from = proxy.reports.length;
    const stream = stage.open({ connection: watched, horizonMs: 0 });
    const began = performance.now();
    await stage.run(
      `do $$ begin for i in 1..2000 loop insert into item values (${next} + i); commit; end loop; end $$`,
    );
    next += 2000;
    finishAll(stream, await collect(stream, 2000));
    const seconds = (performance.now() - began) / 1000;
    expect(proxy.reports.length - from).toBeLessThan(10 + 3 * seconds);
  });

  it('stays behind by the horizon, so that what a restarted Redis forgot can be done again', async () => {
    const stream = stage.open({ connection: watched, horizonMs: 60_000 });
    await streaming(stream);
    const before = stream.status().confirmedLsn;
    const id = await insert();
    finishAll(stream, await collect(stream, 1));
    expect(stream.status().watermarkLsn).toBeGreaterThan(before);
    const reports = proxy.reports.length;
    await until(() => proxy.reports.length > reports + 1, { what: 'status reports' });
    stream.reopen('the queue was restarted');
    await until(() => stream.status().lastError, { what: 'the break' });
    expect(stream.status().lastError?.code).toBe('STREAM_REOPENED');
    const again = await collect(stream, 1);
    expect(ids(again)).toEqual([id]);
    expect(await stage.confirmed()).toBe(before);
    finishAll(stream, again);
    await stream.stop();
    expect(await stage.confirmed(), 'a clean stop leaves nothing to be done again').toBeGreaterThan(before);
  });

  it('includes everything finished after a clean stop, however soon that comes', async () => {
    for (let round = 0; round < 20; round++) {
      const stream = stage.open();
      const id = await insert();
      const got = await collect(stream, 1);
      expect(ids(got)).toEqual([id]);
      finishAll(stream, got);
      await stream.stop();
    }
  });
});

describe('the server', () => {
  it('gets answers in time when it is impatient, also while reading is paused', async () => {
    const hasty = await useStage({
      ddl: [
        "do $$ begin execute format('alter database %I set wal_sender_timeout = 1000', current_database()); end $$",
        'create table item (id int primary key, name text)',
      ],
      tables: [{ schema: 'public', name: 'item' }],
    });
    const states: string[] = [];
    const stream = hasty.open({ maxBytesInFlight: 100_000, onState: (state) => states.push(state) });
    await streaming(stream);
    await hasty.run("insert into item select i, repeat('x', 500) from generate_series(1, 20000) i");
    await until(() => stream.status().paused, { what: 'backpressure' });
    const until3 = performance.now() + 3500;
    await until(() => performance.now() > until3, { what: 'more than three times its patience' });
    expect(stream.status().state).toBe('streaming');
    expect(stream.status().bytesInFlight, 'limit, one slice, one read').toBeLessThan(1_400_000);
    const got: Transaction[] = [];
    while (!got.at(-1)?.last) {
      const taken = (await stream.take()) ?? [];
      got.push(...taken);
      stream.release(taken);
    }
    finishAll(stream, got);
    expect(states).toEqual(['connecting', 'streaming']);
  });

  it('shuts down at once when everything is finished, and within the horizon otherwise', async () => {
    const server = await usePostgres();
    const own = await useStage({
      url: await server.createDatabase(),
      ddl: ['create table item (id int primary key, name text)'],
      tables: [{ schema: 'public', name: 'item' }],
    });
    const between = await useProxy(own.url);
    const stream = own.open({ connection: { connectionString: between.url }, horizonMs: 1500 });
    await streaming(stream);
    await own.run("insert into item values (1, 'x')");
    finishAll(stream, await collect(stream, 1));
    await own.run('create table noise as select generate_series(1, 1000) i');
    const [began, reports] = [performance.now(), between.reports.length];
    await server.stop('fast', 15_000);
    const tookMs = performance.now() - began;
    expect(tookMs).toBeLessThan(6000);
    // It asks again after each answer until all is confirmed: it gets answers at once, but not as fast as it can ask.
    const answers = between.reports.length - reports;
    expect(answers).toBeGreaterThan(5);
    expect(answers).toBeLessThan(10 + tookMs / 10);
    await server.start();
    await streaming(stream);
    await own.run("insert into item values (2, 'x')");
    // Before Postgres 17 a restart forgets what was confirmed since the last checkpoint: then 1 comes once more.
    const got = await collect(stream, (all) => ids(all).includes('2'));
    finishAll(stream, got);
    await stream.stop();
  });
});

describe('a publication', () => {
  it('may have a name with capitals, quotes and apostrophes', async () => {
    for (const name of ['MixedCase', `it's "quoted"`, 'ü, b']) {
      const named = await useStage({
        url: stage.url,
        publication: name,
        tables: [{ schema: 'public', name: 'Mixed' }],
      });
      const stream = named.open({ connection: direct });
      await named.run(`insert into "Mixed" values (${++next})`);
      const got = await collect(stream, 1);
      expect(ids(got)).toEqual([`${next}`]);
      finishAll(stream, got);
      await stream.stop();
    }
  });
});
