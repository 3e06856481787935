import { createExecutor } from '../../src/execute/index.ts';
import { createQueue, createWorkers } from '../../src/queue/index.ts';
import { openRedis } from '../../src/redis/index.ts';
import { startRedis, startRedisCluster } from '../../src/servers/index.ts';
import { planOf } from './plans.ts';

/**
 * Enqueues and executes deletes in one process, as `unstale run` does, and prints keys per second, for several settings:
 *   npx tsx test/queue/throughput.ts '[[500,256,8],[500,256,16]]' [keys in millions] [cluster]
 * Each setting is [keys a job, unfinished jobs at most, jobs at once]. The defaults of the settings come from this.
 */
const [settings = '[[500,256,16]]', millions = '1', kind] = process.argv.slice(2);
const log = { debug() {}, info() {}, warn: console.warn, error: console.error };
const server = await startRedis();
const cluster = kind === 'cluster' ? await startRedisCluster() : undefined;
const cache = openRedis(cluster?.url ?? server.url, { role: 'cache', log });
await cache.ready();
const KEYS = 20_000;
const keys = Array.from({ length: KEYS }, (_, i) => `project:1234567:${i}:dashboard`);

for (const [batch, window, concurrency] of JSON.parse(settings) as [number, number, number][]) {
  const common = { url: server.url, name: `b${batch}_${window}_${concurrency}`, attempts: 8, backoffMs: 200, log };
  const queue = createQueue({ ...common, batch, window });
  const { execute, lastResort, stop } = createExecutor({ cache });
  const workers = createWorkers({ ...common, concurrency, execute, lastResort, local: queue });
  await workers.start();
  const perSecond = async (names: readonly string[], plans: number): Promise<number> => {
    const began = performance.now();
    const finished: Promise<void>[] = [];
    for (let i = 0; i < plans; i++) {
      let done = (): void => undefined;
      finished.push(new Promise((resolve) => (done = resolve)));
      await queue.enqueue(planOf('delete', names), done);
    }
    await Promise.all(finished);
    return Math.round((plans * names.length * 1000) / (performance.now() - began));
  };
  await perSecond(keys, 2);
  const large = await perSecond(keys, Math.round((Number(millions) * 1e6) / KEYS));
  const small = await perSecond(keys.slice(0, 1), 3_000);
  const latencies: number[] = [];
  for (let i = 0; i < 500; i++) {
    const began = performance.now();
    await new Promise<void>((resolve) => void queue.enqueue(planOf('delete', ['one']), resolve));
    latencies.push(performance.now() - began);
  }
  latencies.sort((a, b) => a - b);
  const rssMb = Math.round(process.memoryUsage().rss / 1e6);
  const [p50 = 0, p99 = 0] = [latencies[250], latencies[495]];
  console.log(
    `${batch} keys a job, window ${window}, ${concurrency} at once: ${large} keys/s; one-key plans one after the other: ` +
      `${small}/s; alone: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms; ${rssMb} MB`,
  );
  await workers.stop();
  await queue.stop();
  stop();
}
cache.close();
await Promise.all([server.close(), cluster?.close()]);
