import { describe, expect, it, onTestFinished } from 'vitest';
import type { Job, Plan, Step } from '../../src/core/plan.ts';
import { createHands } from '../../src/execute/hands.ts';
import { createExecutor, type Done, epochOf } from '../../src/execute/index.ts';
import { Walker } from '../../src/execute/walk.ts';
import type { JobContext } from '../../src/queue/index.ts';
import { leaseOf, leaseSharesSlot, openRedis, type RedisConnection } from '../../src/redis/index.ts';
import { startRedis } from '../../src/servers/index.ts';
import { until, useRedis, useRedisCluster } from '../harness.ts';
import { planOf } from '../queue/plans.ts';
import { openCache } from '../queue/rig.ts';

const server = await useRedis();
const cluster = await useRedisCluster();

function rig(cache: RedisConnection) {
  const done: Done[] = [];
  const later: { job: Job; delayMs: number }[] = [];
  const executor = createExecutor({ cache, onDone: (one) => done.push(one) });
  onTestFinished(() => executor.stop());
  const context: JobContext = {
    id: 'job',
    attempt: 1,
    signal: new AbortController().signal,
    later: async (job, delayMs) => void later.push({ job, delayMs }),
  };
  const run = (plan: Plan) => executor.execute({ v: 1, ...plan }, context);
  return { executor, done, later, run };
}

async function freshCache(url: string): Promise<RedisConnection> {
  const cache = await openCache(url);
  for (const node of cache.masters()) await node.flushall();
  return cache;
}

/** How often a command ran since the last reset. https://redis.io/docs/latest/commands/info/ */
async function calls(cache: RedisConnection, command: string): Promise<number> {
  const texts = await Promise.all(cache.masters().map((node) => node.info('commandstats')));
  return texts.reduce(
    (sum, text) => sum + Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(text)?.[1] ?? 0),
    0,
  );
}

const resetStats = (cache: RedisConnection) => Promise.all(cache.masters().map((node) => node.config('RESETSTAT')));

/** What happens to the keys that a scan finds. */
function foundAs(found: Step['found'], ttlMs?: number): Partial<Step> {
  return { found, ttlMs };
}

for (const [kind, url] of [
  ['a single node', server.url],
  ['a cluster of three nodes', cluster.url],
] as const) {
  describe(`on ${kind}`, () => {
    it('deletes entries with their leases, and no others', async () => {
      const cache = await freshCache(url);
      const keys = ['a:1', 'b:{7}:x', 'köln 🧀', '*', '[ab]', 'a\nb', '', 'a{b', 'x}y{z}', 'x}y', '{}z'];
      for (const key of keys) {
        await cache.client.set(key, 1);
        if (!cache.cluster || leaseSharesSlot(key)) await cache.client.set(leaseOf(key), 1);
      }
      await cache.client.set('a:10', 1);
      await rig(cache).run(planOf('delete', keys));
      for (const key of keys) {
        expect([key, await cache.client.exists(key), await cache.client.exists(leaseOf(key))]).toEqual([key, 0, 0]);
      }
      expect(await cache.client.exists('a:10')).toBe(1);
    });

    it('deletes thousands of keys, whatever their slots', async () => {
      const cache = await freshCache(url);
      const keys = Array.from({ length: 3_000 }, (_, i) => `bulk:${i}`);
      await Promise.all(keys.map((key) => cache.client.set(key, 1)));
      await rig(cache).run(planOf('delete', keys));
      const left = await Promise.all(cache.masters().map((node) => node.dbsize()));
      expect(left.reduce((a, b) => a + b)).toBe(0);
    });

    it('clears an index: members in any slot, their leases, and the set', async () => {
      const cache = await freshCache(url);
      const members = Array.from({ length: 1_500 }, (_, i) => `list:${i}:{${i % 7}}`);
      await Promise.all(members.map((key) => cache.client.set(key, 1)));
      await cache.client.set(leaseOf('list:1:{1}'), 1);
      for (const index of ['idx:1', 'idx:{tag}:1', 'idx}odd']) {
        await Promise.all(members.map((key) => cache.client.set(key, 1)));
        await cache.client.sadd(index, ...members, epochOf('other'));
        await cache.client.set(epochOf('other'), 'stays');
        const { run, done } = rig(cache);
        await run(planOf('clear', [index], { epoch: true }));
        const left = await Promise.all(cache.masters().map((node) => node.keys('*')));
        expect(left.flat().sort()).toEqual([epochOf('other'), epochOf('r')]);
        expect(done[0]?.touched).toBe(1_501);
      }
    });

    it('finds keys by a pattern on every node, and touches nothing else', async () => {
      const cache = await freshCache(url);
      const stats = Array.from({ length: 2_000 }, (_, i) => `stats:${i}`);
      const stay = ['stat:1', 'xstats:1', 'unstale:epoch:stats', '{unstale:prod}:keys:wait', 'stats'];
      await Promise.all([...stats, ...stay].map((key) => cache.client.set(key, 1)));
      await rig(cache).run(planOf('scan', ['stats:*']));
      for (const then of ['delete', 'bump', 'clear'] as const) {
        await rig(cache).run(planOf('scan', ['unstale:*', '{unstale*'], foundAs(then)));
      }
      const left = await Promise.all(cache.masters().map((node) => node.keys('*')));
      expect(left.flat().sort()).toEqual(stay.sort());
      for (const key of stay) expect([key, await cache.client.get(key)]).toEqual([key, '1']);
    });

    it('gives stamps a fresh random token and, where the rule says so, a lifetime', async () => {
      const cache = await freshCache(url);
      const { run } = rig(cache);
      const read = (key: string) => cache.client.get(key);
      await run(planOf('bump', ['v:1', 'v:2'], { ttlMs: 60_000 }));
      const first = await Promise.all(['v:1', 'v:2'].map(read));
      expect(new Set(first).size).toBe(2);
      expect(await cache.client.pttl('v:1')).toBeGreaterThan(50_000);
      await run(planOf('scan', ['v:*', 'w:*'], foundAs('bump')));
      const second = await Promise.all(['v:1', 'v:2'].map(read));
      expect(new Set([...first, ...second]).size).toBe(4);
      const left = await Promise.all(cache.masters().map((node) => node.keys('*')));
      expect(left.flat().sort()).toEqual(['v:1', 'v:2']);
    });
  });
}

describe('a delete', () => {
  it('frees large values in the background instead of stopping the server', async () => {
    const cache = await freshCache(server.url);
    await resetStats(cache);
    await rig(cache).run(
      planOf(
        'delete',
        Array.from({ length: 1_000 }, (_, i) => `k:${i}`),
      ),
    );
    expect(await calls(cache, 'unlink')).toBe(2);
    expect(await calls(cache, 'del')).toBe(0);
  });

  it('is done once more after a pause where the rule says so, by a job that nobody waits for', async () => {
    const cache = await freshCache(server.url);
    const { run, later } = rig(cache);
    await run(planOf('delete', ['a'], { againAfterMs: 250 }));
    expect(later).toMatchObject([{ delayMs: 250, job: { steps: [{ verb: 'delete', keys: ['a'] }] } }]);
    expect(JSON.stringify(later)).not.toContain('againAfterMs');
  });

  it('reports each step with the transactions that caused it', async () => {
    const cache = await freshCache(server.url);
    const { run, done } = rig(cache);
    const causes = [1, 2].map((n) => ({ lsn: `0/${n}`, xid: n, committedAtMs: n }));
    await run({
      ruleSet: 'h',
      causes,
      steps: [{ rule: 'r', verb: 'delete', keys: ['a', 'b', 'c'], causes: [0, 1, 1] }],
    });
    expect(done).toMatchObject([
      {
        causes: [
          { cause: { xid: 1 }, keys: 1 },
          { cause: { xid: 2 }, keys: 2 },
        ],
      },
    ]);
    expect(done[0]?.atMs).toBeGreaterThan(Date.now() - 5_000);
  });

  it('follows a slot that has moved to another node', async () => {
    const cache = await freshCache(cluster.url);
    const keys = Array.from({ length: 50 }, (_, i) => `move:${i}`);
    await Promise.all(keys.map((key) => cache.client.set(key, 1)));
    const [from, to] = cache.masters();
    if (!from || !to) throw new Error('no nodes');
    const slot = await slotOwnedBy(from, keys);
    await moveSlot(cache, { slot, from, to });
    await rig(cache).run(planOf('delete', keys));
    for (const key of keys) expect([key, await cache.client.exists(key)]).toEqual([key, 0]);
  });
});

describe('an epoch', () => {
  it('is renewed before anything is deleted', async () => {
    const cache = await freshCache(server.url);
    const order: string[] = [];
    const monitor = await openRedis(server.url, { role: 'worker' }).masters()[0]?.monitor();
    onTestFinished(() => monitor?.disconnect());
    monitor?.on('monitor', (_: string, args: string[]) => order.push(args[0]?.toLowerCase() ?? ''));
    await cache.client.sadd('idx', 'm');
    await rig(cache).run(planOf('clear', ['idx'], { epoch: true }));
    await until(() => order.includes('unlink'), { what: 'an unlink' });
    expect(order.indexOf('set')).toBeGreaterThan(-1);
    expect(order.indexOf('set')).toBeLessThan(order.indexOf('rename'));
    expect(order.indexOf('set')).toBeLessThan(order.indexOf('unlink'));
  });

  it('is another random token each time', async () => {
    const cache = await freshCache(server.url);
    const { run } = rig(cache);
    const seen = new Set<string | null>();
    for (let i = 0; i < 5; i++) {
      await run(planOf('scan', ['nothing:*'], { epoch: true }));
      seen.add(await cache.client.get(epochOf('r')));
    }
    expect(seen.size).toBe(5);
    expect([...seen].every((token) => (token?.length ?? 0) >= 20)).toBe(true);
  });
});

describe('a bump of stamps that a scan found', () => {
  it('makes none where one has gone meanwhile', async () => {
    const cache = await freshCache(server.url);
    const hands = createHands(cache, new Walker(cache));
    await cache.client.set('there', 'old');
    await hands.bump(['there', 'gone'], { existing: true, ttlMs: 1_000 });
    expect(await cache.client.keys('*')).toEqual(['there']);
    expect(await cache.client.get('there')).not.toBe('old');
  });
});

describe('a clear', () => {
  it('leaves alone what is added to the index meanwhile', async () => {
    const cache = await freshCache(server.url);
    const members = Array.from({ length: 5_000 }, (_, i) => `m:${i}`);
    await cache.client.sadd('idx', ...members);
    await cache.client.set('late', 1);
    const other = await openCache(server.url);
    const clearing = rig(cache).run(planOf('clear', ['idx']));
    await until(async () => (await other.client.exists('idx')) === 0, { what: 'the set to be taken away' });
    await other.client.sadd('idx', 'late');
    await clearing;
    expect(await cache.client.smembers('idx')).toEqual(['late']);
    expect(await cache.client.exists('late')).toBe(1);
    expect(await cache.client.keys('*clearing*')).toEqual([]);
  });

  it('that broke off in its middle is finished by the next one, which does not begin anew', async () => {
    const mine = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    onTestFinished(() => mine.close());
    const cache = await openCache(mine.url);
    const members = Array.from({ length: 20_000 }, (_, i) => `m:${i}`);
    await cache.client.mset(members.flatMap((key) => [key, '1']));
    await cache.client.sadd('idx', ...members);
    const other = await openCache(mine.url);
    const broken = expect(rig(cache).run(planOf('clear', ['idx']))).rejects.toMatchObject({ retry: 'quick' });
    await until(async () => (await other.client.dbsize()) < 15_000, { what: 'a quarter of the entries to be gone' });
    await mine.kill();
    await broken;
    await mine.start();
    await until(() => cache.client.ping(), { what: 'the server to be back' });
    const [left] = await cache.client.keys('*~clearing:*');
    const rest = await cache.client.scard(left ?? '');
    expect(rest).toBeGreaterThan(0);
    expect(rest).toBeLessThan(16_000);
    await cache.client.sadd('idx', 'm:new');
    await cache.client.set('m:new', 1);
    const { run, done } = rig(cache);
    await run(planOf('clear', ['idx']));
    expect(done[0]?.touched).toBe(rest + 1);
    expect(await cache.client.keys('*')).toEqual([]);
  });

  it('does not lose members when the index would expire meanwhile', async () => {
    const cache = await freshCache(server.url);
    await cache.client.sadd('idx', ...Array.from({ length: 20_000 }, (_, i) => `m:${i}`));
    await cache.client.pexpire('idx', 60_000);
    const other = await openCache(server.url);
    const clearing = rig(cache).run(planOf('clear', ['idx']));
    const lifetime = await until(
      async () => {
        const [taken] = await other.client.keys('*~clearing:*');
        const ttl = taken === undefined ? -2 : await other.client.pttl(taken);
        return ttl !== -2 && { ttl };
      },
      { what: 'the set to be taken away' },
    );
    expect(lifetime).toEqual({ ttl: -1 });
    await clearing;
  });

  it('of what is no set changes nothing and says so', async () => {
    const cache = await freshCache(server.url);
    await cache.client.set('idx', 'text');
    await expect(rig(cache).run(planOf('clear', ['idx', 'none']))).rejects.toMatchObject({ code: 'REDIS_WRONG_TYPE' });
    expect(await cache.client.get('idx')).toBe('text');
  });
});

describe('a scan', () => {
  it('takes values that look like patterns for what they are', async () => {
    const cache = await freshCache(server.url);
    const keys = ['p:*:1', 'p:x:1', 'p:[ab]:1', 'p:a:1', 'p:?:1', 'p:\\:1'];
    const left = async (pattern: string) => {
      await cache.client.mset(keys.flatMap((key) => [key, '1']));
      await rig(cache).run(planOf('scan', [pattern]));
      return keys.filter((key) => !gone.has(key));
    };
    let gone = new Set<string>();
    for (const [pattern, hit] of [
      ['p:\\*:*', 'p:*:1'],
      ['p:\\[ab\\]:*', 'p:[ab]:1'],
      ['p:\\?:*', 'p:?:1'],
      ['p:\\\\:*', 'p:\\:1'],
    ] as const) {
      await left(pattern);
      const there = new Set(await cache.client.keys('*'));
      gone = new Set(keys.filter((key) => !there.has(key)));
      expect([pattern, [...gone]]).toEqual([pattern, [hit]]);
    }
  });

  it('deletes keys that are not UTF-8', async () => {
    const cache = await freshCache(server.url);
    const key = Buffer.from([0x70, 0x3a, 0xff, 0xfe, 0x00, 0x31]);
    await cache.client.set(key, 1);
    await cache.client.set(Buffer.from('p:\ufffd'), 1);
    await cache.client.set(leaseOf(key), 1);
    await rig(cache).run(planOf('scan', ['p:*', 'q:*']));
    expect(await cache.client.dbsize()).toBe(0);
  });

  it('shares one walk with the others that wait', async () => {
    const cache = await freshCache(server.url);
    const keys = Array.from({ length: 20_000 }, (_, i) => `other:${i}`);
    await cache.client.mset(keys.flatMap((key) => [key, '1']));
    const { run } = rig(cache);
    await resetStats(cache);
    await run(planOf('scan', ['a:*']));
    const one = await calls(cache, 'scan');
    await cache.client.mset('a:1', 1, 'b:1', 1, 'c:1', 1, 'd:1', 1);
    await resetStats(cache);
    await Promise.all(['a:*', 'b:*', 'c:*', 'd:*'].map((pattern) => run(planOf('scan', [pattern]))));
    expect(await calls(cache, 'scan')).toBeLessThanOrEqual(one + 2);
    expect(await calls(cache, 'keys')).toBe(0);
    expect(await cache.client.exists('a:1', 'b:1', 'c:1', 'd:1')).toBe(0);
  });

  it('that comes during a walk waits for the next, so that it misses nothing', async () => {
    const cache = await freshCache(server.url);
    const keys = Array.from({ length: 50_000 }, (_, i) => `other:${i}`);
    await cache.client.mset(keys.flatMap((key) => [key, '1']));
    const { run } = rig(cache);
    await resetStats(cache);
    const first = run(planOf('scan', ['a:*']));
    await until(async () => (await calls(cache, 'scan')) > 5, { what: 'a walk that has begun' });
    await cache.client.set('b:1', 1);
    await run(planOf('scan', ['b:*']));
    await first;
    expect(await cache.client.exists('b:1')).toBe(0);
    expect(await calls(cache, 'scan')).toBeGreaterThan(90);
  });

  it('that loses its connection fails as an outage, and finds everything when it is begun again', async () => {
    const mine = await startRedis({ args: ['--appendonly', 'yes'] });
    onTestFinished(() => mine.close());
    const cache = await openCache(mine.url);
    const keys = Array.from({ length: 30_000 }, (_, i) => `p:${i}`);
    await cache.client.mset(keys.flatMap((key) => [key, '1']));
    const { run } = rig(cache);
    const broken = expect(run(planOf('scan', ['p:*', 'zzz*']))).rejects.toMatchObject({ retry: 'quick' });
    const other = await openCache(mine.url);
    await until(async () => (await other.client.dbsize()) < 29_000, { what: 'a walk under way' });
    await other.client.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
    await broken;
    await until(() => cache.client.ping(), { what: 'a new connection' });
    await run(planOf('scan', ['p:*', 'zzz*']));
    expect(await other.client.dbsize()).toBe(0);
  });

  it('does not go on with its cursor after a reconnection, since that may be another server', async () => {
    const cache = await freshCache(server.url);
    await cache.client.mset(Array.from({ length: 5_000 }, (_, i) => [`p:${i}`, '1']).flat());
    const other = await openCache(server.url);
    const walker = new Walker(cache);
    onTestFinished(() => walker.stop());
    let pages = 0;
    const walk = walker.walk(['p:*'], async () => {
      if (pages++ > 0) return;
      await other.client.call('CLIENT', ['KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
      await until(() => cache.client.status !== 'ready', { what: 'a lost connection' });
      await until(() => cache.client.ping(), { what: 'a new connection' });
    });
    await expect(walk).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
    expect(pages).toBe(1);
  });

  it('walks twice while a cluster moves slots, so that a key cannot pass it by', async () => {
    const cache = await freshCache(cluster.url);
    const { run } = rig(cache);
    const [from, to] = cache.masters();
    if (!from || !to) throw new Error('no nodes');
    await Promise.all(Array.from({ length: 20 }, (_, i) => cache.client.set(`still:${i}`, 1)));
    await resetStats(cache);
    await run(planOf('scan', ['a:*']));
    expect(await calls(cache, 'scan')).toBe(3);
    const { slot } = await slotOwnedBy(
      from,
      Array.from({ length: 20 }, (_, i) => `still:${i}`),
    );
    await from.call('CLUSTER', ['SETSLOT', slot, 'MIGRATING', String(await to.cluster('MYID'))]);
    await resetStats(cache);
    await run(planOf('scan', ['a:*']));
    await from.call('CLUSTER', ['SETSLOT', slot, 'STABLE']);
    expect(await calls(cache, 'scan')).toBe(6);
  });

  it('ends among a million keys that have nothing to do with it', async () => {
    const cache = await freshCache(server.url);
    for (let at = 0; at < 1_000_000; at += 10_000) {
      await cache.client.mset(Array.from({ length: 10_000 }, (_, i) => [`noise:${at + i}`, '1']).flat());
    }
    await cache.client.mset('p:1', 1, 'q:1', 1);
    const { run } = rig(cache);
    await resetStats(cache);
    await run(planOf('scan', ['p:*', 'q:*']));
    expect(await cache.client.dbsize()).toBe(1_000_000);
    const text = await cache.client.info('commandstats');
    const usecPerCall = Number(/cmdstat_scan:.*usec_per_call=([\d.]+)/.exec(text)?.[1]);
    // Gentle: no step may keep others waiting for long.
    expect(usecPerCall).toBeLessThan(5_000);
    await cache.client.flushall();
  }, 60_000);
});

describe('a job of several steps', () => {
  it('does all of them although one fails, and does not repeat those when it is tried again', async () => {
    const cache = await freshCache(server.url);
    await cache.client.mset('idx', 'text', 'a', 1);
    const { executor, done } = rig(cache);
    const job: Job = { v: 1, ...planOf('clear', ['idx']) };
    const both: Job = { ...job, steps: [...job.steps, ...planOf('delete', ['a']).steps] };
    const context = { id: 'x', attempt: 1, signal: new AbortController().signal, later: async () => undefined };
    await expect(executor.execute(both, context)).rejects.toMatchObject({ code: 'REDIS_WRONG_TYPE' });
    expect(await cache.client.exists('a')).toBe(0);
    await expect(executor.execute(both, context)).rejects.toThrow();
    expect(done.map(({ verb }) => verb)).toEqual(['delete']);
  });

  it('with a verb of a later version deletes its keys as the last resort', async () => {
    const cache = await freshCache(server.url);
    await cache.client.set('a', 1);
    const { executor, run } = rig(cache);
    await expect(run(planOf('patch', ['a']))).rejects.toMatchObject({ code: 'QUEUE_UNKNOWN_VERB' });
    await executor.lastResort({ v: 1, ...planOf('patch', ['a']) });
    expect(await cache.client.exists('a')).toBe(0);
  });
});

async function slotOwnedBy(
  node: RedisConnection['client'] | ReturnType<RedisConnection['masters']>[number],
  keys: readonly string[],
) {
  for (const key of keys) {
    const slot = Number(await node.cluster('KEYSLOT', key));
    const there = await node.call('CLUSTER', ['COUNTKEYSINSLOT', String(slot)]);
    if (there === 1) return { slot, key };
  }
  throw new Error('no such slot');
}

/** https://redis.io/docs/latest/commands/cluster-setslot/ */
async function moveSlot(
  cache: RedisConnection,
  {
    slot: { slot, key },
    from,
    to,
  }: {
    slot: { slot: number; key: string };
    from: ReturnType<RedisConnection['masters']>[number];
    to: ReturnType<RedisConnection['masters']>[number];
  },
): Promise<void> {
  const [source, target] = [String(await from.cluster('MYID')), String(await to.cluster('MYID'))];
  await to.call('CLUSTER', ['SETSLOT', slot, 'IMPORTING', source]);
  await from.call('CLUSTER', ['SETSLOT', slot, 'MIGRATING', target]);
  await from.call('MIGRATE', ['127.0.0.1', to.options.port ?? 0, key, 0, 2000]);
  for (const node of cache.masters()) await node.call('CLUSTER', ['SETSLOT', slot, 'NODE', target]);
}
