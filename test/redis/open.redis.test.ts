import { describe, expect, it, onTestFinished } from 'vitest';
import { openRedis, redisError, serverFacts } from '../../src/redis/index.ts';
import { slotOf } from '../../src/redis/keys.ts';
import { startRedis } from '../../src/servers/index.ts';
import { until, useRedis, useRedisCluster } from '../harness.ts';
import { collectLog } from '../queue/rig.ts';

const server = await useRedis();
const cluster = await useRedisCluster();

async function own(args: readonly string[] = []) {
  const started = await startRedis({ args });
  onTestFinished(() => started.close());
  return started;
}

function open(url: string, role: 'cache' | 'queue' | 'worker' = 'cache') {
  const redis = openRedis(url, { role });
  onTestFinished(() => redis.close());
  return redis;
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'fine',
    (error: unknown) => redisError(error, 'x').code,
  );

describe('a connection', () => {
  it('fails fast for the cache and the producer while Redis is away, and comes back by itself', async () => {
    const mine = await own();
    for (const role of ['cache', 'queue'] as const) {
      const redis = open(mine.url, role);
      await redis.ready();
      await mine.kill();
      const began = performance.now();
      expect(await codeOf(redis.client.get('x'))).toBe('REDIS_UNREACHABLE');
      expect(performance.now() - began).toBeLessThan(1_000);
      await mine.start();
      await until(() => redis.client.get('x').then(() => true), { what: 'a new connection' });
    }
  });

  it('tells a wrong password, a missing one, and a user without rights apart', async () => {
    const mine = await own(['--requirepass', 'sesame']);
    const at = mine.url.replace('redis://', '');
    await expect(open(`redis://:wrong@${at}`).ready(500)).rejects.toMatchObject({ code: 'REDIS_AUTH' });
    const admin = open(`redis://:sesame@${at}`);
    await admin.ready();
    await admin.client.call('ACL', ['SETUSER', 'weak', 'on', '>pw', '~*', '+@connection', '+info', '+get']);
    const weak = open(`redis://weak:pw@${at}`);
    await weak.ready();
    expect(await codeOf(weak.client.unlink('x'))).toBe('REDIS_FORBIDDEN');
    expect(
      await codeOf(
        open(mine.url)
          .ready(300)
          .then(() => undefined),
      ),
    ).toBe('REDIS_AUTH');
  });

  it('says that a replica takes no writes', async () => {
    const mine = await own();
    const redis = open(mine.url);
    await redis.ready();
    await redis.client.replicaof('127.0.0.1', 1);
    expect(await codeOf(redis.client.set('x', 1))).toBe('REDIS_READONLY');
  });

  it('gives up on a server that does not answer, as a timeout', async () => {
    const mine = await own();
    const [redis, other] = [open(mine.url), open(mine.url)];
    await Promise.all([redis.ready(), other.ready()]);
    await other.client.call('CLIENT', ['PAUSE', '6000', 'ALL']);
    expect(await codeOf(redis.client.get('x'))).toBe('REDIS_TIMEOUT');
  }, 15_000);

  it('says in time that nobody is there', async () => {
    await expect(open('redis://127.0.0.1:1').ready(300)).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('127.0.0.1:1'),
    });
    await expect(open('redis://127.0.0.1:1?cluster=true').ready(300)).rejects.toMatchObject({ retry: 'quick' });
  });

  it('logs an outage once, and its end', async () => {
    const mine = await own();
    const log = collectLog();
    const redis = openRedis(mine.url, { role: 'cache', log });
    onTestFinished(() => redis.close());
    await redis.ready();
    await mine.kill();
    await until(() => log.lines.length > 0, { what: 'a warning' });
    await mine.start();
    await until(() => log.lines.some(({ level }) => level === 'info'), { what: 'the end of it' });
    expect(log.lines.map(({ level, fields }) => [level, fields.code])).toEqual([
      ['warn', 'REDIS_UNREACHABLE'],
      ['info', undefined],
    ]);
  });
});

describe('what a server tells of itself', () => {
  it('is version, eviction policy and a run id that changes with a restart', async () => {
    const mine = await own(['--maxmemory-policy', 'allkeys-lru']);
    const redis = open(mine.url);
    const [before] = await serverFacts(redis);
    expect(before).toMatchObject({ version: mine.version, eviction: 'allkeys-lru', role: 'master', software: 'redis' });
    await mine.stop();
    await mine.start();
    const [after] = await until(() => serverFacts(redis), { what: 'facts after a restart' });
    expect(after?.runId).not.toBe(before?.runId);
  });

  it('is one set of facts for each master of a cluster', async () => {
    const facts = await serverFacts(open(cluster.url));
    expect(new Set(facts.map(({ runId }) => runId)).size).toBe(3);
  });
});

describe('a key of a cluster', () => {
  it('has the slot that the cluster says', async () => {
    const redis = open(cluster.url);
    await redis.ready();
    const [node] = redis.masters();
    const keys = [
      '',
      'a',
      'käse',
      '{a}b',
      'x{y}z',
      '{}a',
      'a{}b',
      'a}{b}',
      '{{a}}',
      'a{b',
      '{a{b}c}',
      '🧀'.repeat(100),
    ];
    for (const key of keys) expect([key, await node?.cluster('KEYSLOT', key)]).toEqual([key, slotOf(key)]);
  });
});

it('serves a single node as well', async () => {
  const redis = open(server.url);
  await redis.ready();
  expect(redis.masters()).toHaveLength(1);
});
