import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createQueue, openQueueView } from '../../src/queue/index.ts';
import { noticesOf, prefixOf } from '../../src/queue/names.ts';
import { type RedisConnection, slotOf } from '../../src/redis/index.ts';
import { startRedis, startRedisCluster } from '../../src/servers/index.ts';
import { until, useRedis } from '../harness.ts';
import { planOf } from './plans.ts';
import { collectLog, freshName, openCache, openRig } from './rig.ts';

const server = await useRedis();

describe('the queue', () => {
  it('says that a plan has finished when its keys are gone, and not before', async () => {
    const cache = await openCache(server.url);
    const rig = await openRig({ url: server.url, cache });
    await cache.client.mset('a:1', 'x', '{a:1}~lease', 'y', 'a:2', 'z');
    await rig.run(planOf('delete', ['a:1']));
    expect(await cache.client.exists('a:1', '{a:1}~lease')).toBe(0);
    expect(await cache.client.exists('a:2')).toBe(1);
    expect(rig.done).toMatchObject([
      { rule: 'r', verb: 'delete', touched: 1, causes: [{ keys: 1, cause: { xid: 740 } }] },
    ]);
  });

  it('finishes an empty plan at once, without Redis', async () => {
    const queue = createQueue({ url: 'redis://127.0.0.1:1', ...settings() });
    onTestFinished(() => queue.stop());
    let finished = 0;
    await queue.enqueue({ ruleSet: 'x', causes: [], steps: [] }, () => finished++);
    expect(finished).toBe(1);
  });

  it('says it once for each plan, however many jobs it has and however often they are reported', async () => {
    const cache = await openCache(server.url);
    const rig = await openRig({ url: server.url, cache, queue: { batch: 10 } });
    const finished = new Map<number, number>();
    for (let i = 0; i < 30; i++) {
      const keys = Array.from({ length: 95 }, (_, k) => `k:${i}:${k}`);
      await rig.queue.enqueue(planOf('delete', keys), () => finished.set(i, (finished.get(i) ?? 0) + 1));
    }
    await until(() => finished.size === 30, { what: '30 finished plans' });
    for (let n = 0; n < 300; n++) rig.queue.finished(n);
    expect([...finished.values()]).toEqual(Array(30).fill(1));
    expect(rig.queue.unfinished).toBe(0);
    expect(rig.done.reduce((sum, { touched }) => sum + touched, 0)).toBe(30 * 95);
  });

  it('holds a plan back while the window is full, and lets it in as jobs finish', async () => {
    const cache = await openCache(server.url);
    let let_through = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      let_through = resolve;
    });
    const rig = await openRig({
      url: server.url,
      cache,
      queue: { window: 4, batch: 1 },
      execute: async (job, context, execute) => {
        await gate;
        await execute(job, context);
      },
    });
    let entered = false;
    const finished = rig.run(planOf('delete', ['w:1', 'w:2', 'w:3']));
    const second = rig.queue
      .enqueue(planOf('delete', ['w:4', 'w:5', 'w:6']), () => undefined)
      .then(() => {
        entered = true;
      });
    await until(() => rig.queue.unfinished === 4, { what: 'a full window' });
    const view = await openQueueView({ url: server.url, name: rig.name });
    onTestFinished(() => view.close());
    // Long enough for a plan to get in if nothing held it: it would take a millisecond.
    await delay(100);
    const { keys } = await view.counts();
    expect(keys.waiting + keys.active).toBe(4);
    expect(entered).toBe(false);
    let_through();
    await Promise.all([finished, second]);
    expect(entered).toBe(true);
  });

  it('lets workers of other processes tell it through Redis', async () => {
    const cache = await openCache(server.url);
    const rig = await openRig({ url: server.url, cache, remote: true, queue: { batch: 1, missingAfterMs: 60_000 } });
    await rig.run(
      planOf(
        'delete',
        Array.from({ length: 2_000 }, (_, i) => `remote:${i}`),
      ),
    );
    expect(rig.queue.unfinished).toBe(0);
    expect(await cache.client.ttl(noticesOf(rig.name, rig.queue.tail))).toBeLessThanOrEqual(120);
  });

  it('enqueues a job again when nothing is heard of it and it is gone, as when a notice is lost', async () => {
    const cache = await openCache(server.url);
    const rig = await openRig({ url: server.url, cache, lost: 1, queue: { missingAfterMs: 200 } });
    await rig.run(planOf('delete', ['lost']));
    expect(rig.done).toHaveLength(2);
    expect(rig.queue.unfinished).toBe(0);
  });

  it('enqueues again what a flush of the queue’s Redis took away', async () => {
    const cacheServer = await useRedisHere();
    const cache = await openCache(cacheServer);
    const rig = await openRig({
      url: server.url,
      cache,
      queue: { batch: 1, missingAfterMs: 300 },
      workers: { concurrency: 1 },
      execute: async (job, context, execute) => {
        if (flushed) return execute(job, context);
        await new Promise(() => undefined);
      },
    });
    let flushed = false;
    const keys = Array.from({ length: 50 }, (_, i) => `flush:${i}`);
    for (const key of keys) await cache.client.set(key, 1);
    const finished = rig.run(planOf('delete', keys));
    await until(() => rig.queue.unfinished === 50, { what: '50 jobs in the queue' });
    flushed = true;
    const admin = await openCache(server.url);
    await admin.client.flushall();
    await finished;
    expect(await cache.client.exists(...keys)).toBe(0);
    expect(rig.log.lines).toContainEqual(
      expect.objectContaining({ message: 'Jobs are gone from the queue and are enqueued again' }),
    );
  });

  it('does the second delete of a rule that wants one after its pause, and does not wait for it', async () => {
    const cache = await openCache(server.url);
    const rig = await openRig({ url: server.url, cache });
    await rig.run(planOf('delete', ['twice'], { againAfterMs: 300 }));
    const finishedAt = performance.now();
    await cache.client.set('twice', 'stored by a reader that was late');
    expect((await rig.queue.counts()).keys.delayed).toBe(1);
    await until(async () => (await cache.client.exists('twice')) === 0, { what: 'the second delete' });
    expect(performance.now() - finishedAt).toBeGreaterThan(200);
    await until(async () => (await rig.queue.counts()).keys.delayed === 0, { what: 'no third one' });
  });

  it('warns when its Redis may evict jobs, once and in the log instead of on the console', async () => {
    const evicting = await useRedisHere(['--maxmemory-policy', 'allkeys-lru']);
    const printed: unknown[] = [];
    const { warn } = console;
    console.warn = (...args: unknown[]) => printed.push(args);
    onTestFinished(() => {
      console.warn = warn;
    });
    const cache = await openCache(evicting);
    const rig = await openRig({ url: evicting, cache });
    await rig.run(planOf('delete', ['x']));
    const warnings = rig.log.lines.filter(({ fields }) => fields.code === 'QUEUE_REDIS_EVICTS');
    // Once for the side that adds and once for the side that executes.
    expect(warnings).toHaveLength(2);
    expect(warnings[0]?.fields.hint).toContain('noeviction');
    expect(printed).toEqual([]);
  });

  it('rejects plans that are not in Redis yet when it is stopped, also while Redis is away', async () => {
    const queue = createQueue({ url: 'redis://127.0.0.1:1', ...settings() });
    const rejected = expect(queue.enqueue(planOf('delete', ['x']), () => undefined)).rejects.toMatchObject({
      code: 'QUEUE_STOPPED',
    });
    const began = performance.now();
    await queue.stop();
    await rejected;
    expect(performance.now() - began).toBeLessThan(2_000);
    await expect(queue.enqueue(planOf('delete', ['x']), () => undefined)).rejects.toMatchObject({
      code: 'QUEUE_STOPPED',
    });
  });

  it('keeps all its keys under one hash tag', async () => {
    const cache = await openCache(server.url);
    const rig = await openRig({ url: server.url, cache, remote: true });
    await rig.run(planOf('delete', ['x']));
    const keys = await cache.client.keys('*');
    expect(keys.filter((key) => key.includes(rig.name)).every((key) => key.startsWith(`${prefixOf(rig.name)}:`))).toBe(
      true,
    );
  });
});

function settings() {
  return { name: freshName(), batch: 500, window: 8, attempts: 1, backoffMs: 1, log: collectLog() };
}

async function useRedisHere(args: readonly string[] = []): Promise<string> {
  const own = await startRedis({ args });
  onTestFinished(() => own.close());
  return own.url;
}

describe('on a cluster', () => {
  it('queues and executes, and reports across processes', async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.close());
    const cache = await openCache(cluster.url);
    for (const remote of [false, true]) {
      const rig = await openRig({ url: cluster.url, cache, remote, queue: { batch: 50 } });
      const keys = Array.from({ length: 1_000 }, (_, i) => `c:${i}`);
      await Promise.all(keys.map((key) => cache.client.set(key, 1)));
      await cache.client.sadd('idx', 'p:1');
      await Promise.all(['p:1', 'q:1'].map((key) => cache.client.set(key, 1)));
      await Promise.all([
        rig.run(planOf('delete', keys)),
        rig.run(planOf('clear', ['idx'])),
        rig.run(planOf('scan', ['q:*'])),
      ]);
      const left = await Promise.all(cache.masters().map((node) => node.keys('*')));
      expect(left.flat().filter((key) => !key.startsWith('{unstale:'))).toEqual([]);
    }
  });

  it('goes on after a node that held the queues was killed and started again', async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.close());
    const cache = await openCache(server.url);
    const rig = await openRig({ url: cluster.url, cache, queue: { batch: 1, missingAfterMs: 500 } });
    await rig.run(planOf('delete', ['before']));
    const admin = await openCache(cluster.url);
    const slot = slotOf(prefixOf(rig.name));
    const owner = await ownerOf(admin, slot);
    const node = cluster.nodes.find(({ port }) => port === owner);
    await node?.kill();
    const finished = rig.run(planOf('delete', ['while away', 'and another']));
    await node?.start();
    await finished;
    expect(rig.queue.unfinished).toBe(0);
  }, 60_000);
});

async function ownerOf(redis: RedisConnection, slot: number): Promise<number> {
  const ranges: unknown = await redis.masters()[0]?.call('CLUSTER', ['SLOTS']);
  for (const [from, to, [, port]] of ranges as [number, number, [string, number]][]) {
    if (from <= slot && slot <= to) return port;
  }
  throw new Error(`nobody owns slot ${slot}`);
}
