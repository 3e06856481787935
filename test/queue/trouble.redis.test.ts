import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Queue as BullQueue } from 'bullmq';
import { describe, expect, it, onTestFinished } from 'vitest';
import { UnstaleError } from '../../src/core/errors/index.ts';
import { openQueueView } from '../../src/queue/index.ts';
import { prefixOf } from '../../src/queue/names.ts';
import { openRedis } from '../../src/redis/index.ts';
import { type RedisServer, startRedis } from '../../src/servers/index.ts';
import { until, useRedis } from '../harness.ts';
import { planOf } from './plans.ts';
import { freshName, openCache, openRig } from './rig.ts';

const server = await useRedis();

async function anotherRedis(args: readonly string[] = []): Promise<RedisServer> {
  const own = await startRedis({ args });
  onTestFinished(() => own.close());
  return own;
}

/** On disk at once, so that a kill loses nothing that was answered. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];
const manyKeys = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}:${i}`);

describe('when a server goes away', () => {
  it('loses nothing while the queue’s Redis is killed and started again under load, and uses up no attempts', async () => {
    const queueServer = await anotherRedis(DURABLE);
    const cache = await openCache(server.url);
    const keys = manyKeys('load', 4_000);
    for (const key of keys) void cache.client.set(key, 1);
    let highest = 0;
    const rig = await openRig({
      url: queueServer.url,
      cache,
      queue: { batch: 5, window: 64, missingAfterMs: 1_000 },
      execute: (job, context, execute) => {
        highest = Math.max(highest, context.attempt);
        return execute(job, context);
      },
    });
    let finished = 0;
    const feeding = (async () => {
      for (let i = 0; i < keys.length; i += 20) {
        await rig.queue.enqueue(planOf('delete', keys.slice(i, i + 20)), () => finished++);
      }
    })();
    for (const at of [40, 120]) {
      await until(() => finished >= at, { what: `${at} finished plans` });
      await queueServer.kill();
      await queueServer.start();
    }
    await feeding;
    await until(() => finished === 200, { what: 'all plans to finish', timeoutMs: 20_000 });
    expect(await cache.client.exists(...keys)).toBe(0);
    expect(highest).toBe(1);
    expect(rig.log.lines.some(({ message }) => message === 'A job became a dead letter')).toBe(false);
  }, 60_000);

  it('waits for a cache that is away, without using up attempts, and does the job when it is back', async () => {
    const cacheServer = await anotherRedis();
    const cache = openRedis(cacheServer.url, { role: 'cache' });
    onTestFinished(() => cache.close());
    await cache.ready();
    await cacheServer.kill();
    const attempts: number[] = [];
    const rig = await openRig({
      url: server.url,
      cache,
      queue: { attempts: 2 },
      execute: (job, context, execute) => {
        attempts.push(context.attempt);
        return execute(job, context);
      },
    });
    const finished = rig.run(planOf('delete', ['away']));
    await until(() => attempts.length >= 4, { what: 'several tries', timeoutMs: 20_000 });
    expect(rig.queue.unfinished).toBe(1);
    await cacheServer.start();
    await cache.ready();
    await finished;
    expect(new Set(attempts)).toEqual(new Set([1]));
    const outages = rig.log.lines.filter(({ fields }) => fields.code === 'REDIS_UNREACHABLE');
    expect(outages).toHaveLength(1);
  });

  it('waits for a cache that refuses writes for want of memory', async () => {
    const cacheServer = await anotherRedis(['--maxmemory', '1', '--maxmemory-policy', 'noeviction']);
    const cache = await openCache(cacheServer.url);
    const rig = await openRig({ url: server.url, cache, queue: { attempts: 1 } });
    const finished = rig.run(planOf('bump', ['stamp']));
    await until(() => rig.log.lines.some(({ fields }) => fields.code === 'REDIS_OUT_OF_MEMORY'), {
      what: 'a complaint',
    });
    expect(rig.queue.unfinished).toBe(1);
    await cache.client.config('SET', 'maxmemory', '0');
    await finished;
    expect(await cache.client.exists('stamp')).toBe(1);
  });

  it('waits at the start for a Redis that is not there yet', async () => {
    const queueServer = await anotherRedis();
    await queueServer.stop();
    const cache = await openCache(server.url);
    setTimeout(() => void queueServer.start(), 300);
    const rig = await openRig({ url: queueServer.url, cache });
    await rig.run(planOf('delete', ['late']));
    expect(rig.done).toHaveLength(1);
  });

  it('has the job of a worker that was killed in its middle done by another within 10 seconds', async () => {
    const queueServer = await anotherRedis();
    const name = freshName();
    const admin = await openCache(queueServer.url);
    const child = spawn(process.execPath, ['--import', 'tsx', 'test/queue/kill-me.ts', queueServer.url, name]);
    onTestFinished(() => void child.kill('SIGKILL'));
    const cache = await openCache(server.url);
    await cache.client.mset('killed:1', 'x', 'killed:2', 'y');
    const victim = await openRig({ url: queueServer.url, cache, name, remote: true, workers: { concurrency: 1 } });
    await victim.workers.stop();
    const finished = victim.run(planOf('delete', ['killed:1', 'killed:2']));
    await until(() => admin.client.get('taken-by').then((pid) => pid === String(child.pid)), { what: 'a taken job' });
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const began = performance.now();
    const second = await openRig({ url: queueServer.url, cache, name, remote: true });
    await finished;
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(await cache.client.exists('killed:1', 'killed:2')).toBe(0);
    expect(second.done).toHaveLength(1);
    const view = await openQueueView({ url: queueServer.url, name });
    onTestFinished(() => view.close());
    expect(await view.deadLetters({ limit: 10 })).toEqual([]);
  }, 40_000);
});

describe('a job that cannot be done', () => {
  it('becomes a dead letter once its key is gone, finishes its plan, and does not stop the others', async () => {
    const cache = await openCache(server.url);
    await cache.client.mset('poison', 'not a set', 'fine', 'x');
    const rig = await openRig({ url: server.url, cache });
    await Promise.all([rig.run(planOf('clear', ['poison'])), rig.run(planOf('delete', ['fine']))]);
    expect(await cache.client.exists('poison', 'fine')).toBe(0);
    const letters = await until(
      async () => {
        const dead = await rig.queue.deadLetters({ limit: 10 });
        return dead.length > 0 && dead;
      },
      { what: 'a dead letter' },
    );
    expect(letters).toMatchObject([{ lane: 'sweep', rules: ['r'], lsn: '0/16B3748', attempts: 1, keys: ['poison'] }]);
    expect(letters[0]?.error).toMatch(/^REDIS_WRONG_TYPE: /);
    expect(rig.log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'A job became a dead letter' }),
    );
  });

  it('is tried as often as the settings say when its error is not an outage', async () => {
    const cache = await openCache(server.url);
    await cache.client.set('bug', 1);
    const attempts: number[] = [];
    const rig = await openRig({
      url: server.url,
      cache,
      queue: { attempts: 4, backoffMs: 1 },
      execute: async (_, context) => {
        attempts.push(context.attempt);
        throw new Error('a bug');
      },
    });
    await rig.run(planOf('delete', ['bug']));
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(await cache.client.exists('bug')).toBe(0);
  });

  it('does not count as finished while even the last resort meets a server that is away', async () => {
    const cache = await openCache(server.url);
    let away = true;
    let tries = 0;
    const rig = await openRig({
      url: server.url,
      cache,
      queue: { attempts: 1 },
      execute: () => Promise.reject(new Error('a bug')),
      workers: {
        lastResort: async () => {
          tries++;
          if (away) throw new UnstaleError('REDIS_UNREACHABLE', 'away');
        },
      },
    });
    const finished = rig.run(planOf('delete', ['x']));
    await until(() => tries >= 3, { what: 'several tries' });
    expect(rig.queue.unfinished).toBe(1);
    away = false;
    await finished;
  });

  it('of another version is a dead letter too, after the keys that can be made out are deleted', async () => {
    const cache = await openCache(server.url);
    await cache.client.mset('new:1', 'x', 'new:2', 'y');
    const rig = await openRig({ url: server.url, cache });
    const { hostname: host, port } = new URL(server.url);
    const raw = new BullQueue('keys', { connection: { host, port: Number(port) }, prefix: prefixOf(rig.name) });
    onTestFinished(() => raw.close());
    const steps = [{ verb: 'polish', keys: ['new:1', 'new:2'] }];
    await raw.add('job', { v: 2, tail: 'somebody', n: 1, job: { v: 2, steps } }, { attempts: 3 });
    const letters = await until(
      async () => {
        const dead = await rig.queue.deadLetters({ limit: 10 });
        return dead.length > 0 && dead;
      },
      { what: 'a dead letter' },
    );
    expect(letters[0]).toMatchObject({ attempts: 1, error: expect.stringMatching(/^QUEUE_JOB_UNREADABLE: .*v/) });
    expect(await cache.client.exists('new:1', 'new:2')).toBe(0);
  });

  it('that nobody can read is told to nobody, so its tail enqueues it again', async () => {
    const cache = await openCache(server.url);
    const rig = await openRig({ url: server.url, cache, queue: { missingAfterMs: 200 }, workers: { concurrency: 1 } });
    const { hostname: host, port } = new URL(server.url);
    const raw = new BullQueue('keys', { connection: { host, port: Number(port) }, prefix: prefixOf(rig.name) });
    onTestFinished(() => raw.close());
    await raw.pause();
    const finished = rig.run(planOf('delete', ['garbled']));
    const [job] = await until(
      async () => {
        const waiting = await raw.getWaiting();
        return waiting.length > 0 && waiting;
      },
      { what: 'a waiting job' },
    );
    await job?.updateData({ v: 9, what: 'is this' });
    await raw.resume();
    await finished;
    expect(rig.done).toHaveLength(1);
    expect(await rig.queue.deadLetters({ limit: 10 })).toMatchObject([{ keys: [], rules: [] }]);
  });
});

describe('a worker that has to leave', () => {
  it('finishes what is under way and leaves the rest in the queue', async () => {
    const cache = await openCache(server.url);
    const started: string[] = [];
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const rig = await openRig({
      url: server.url,
      cache,
      queue: { batch: 1 },
      workers: { concurrency: 2, stopWithinMs: 5_000 },
      execute: async (job, context, execute) => {
        started.push(context.id);
        await gate;
        await execute(job, context);
      },
    });
    await rig.queue.enqueue(planOf('delete', manyKeys('leave', 10)), () => undefined);
    await until(() => started.length === 2, { what: 'two jobs under way' });
    const stopped = rig.workers.stop();
    release();
    await stopped;
    expect(started).toHaveLength(2);
    expect(rig.queue.unfinished).toBe(8);
    const { keys } = await rig.queue.counts();
    expect(keys).toMatchObject({ waiting: 8, active: 0, failed: 0 });
  });

  it('hands back what it cannot finish in time, for another to do at once', async () => {
    const cache = await openCache(server.url);
    const name = freshName();
    let started = 0;
    const first = await openRig({
      url: server.url,
      cache,
      name,
      workers: { stopWithinMs: 200 },
      execute: async () => {
        started++;
        await new Promise(() => undefined);
      },
    });
    const finished = first.run(planOf('delete', ['slow']));
    await until(() => started === 1, { what: 'a job under way' });
    const began = performance.now();
    await first.workers.stop();
    expect(performance.now() - began).toBeLessThan(2_000);
    const second = await openRig({ url: server.url, cache, name, remote: true });
    await finished;
    expect(second.done).toHaveLength(1);
    // Not after the lock ran out: it was handed back.
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('leaves within its time also while the queue’s Redis is away', async () => {
    const queueServer = await anotherRedis();
    const cache = await openCache(server.url);
    const rig = await openRig({ url: queueServer.url, cache, workers: { stopWithinMs: 300 } });
    await rig.run(planOf('delete', ['x']));
    await queueServer.kill();
    const began = performance.now();
    await Promise.all([rig.workers.stop(), rig.queue.stop()]);
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});
