import { createWorkers } from '../../src/queue/index.ts';
import { openRedis } from '../../src/redis/index.ts';

// A worker process that takes a job, says so in Redis, and never ends it: to be killed.
const [url = '', name = ''] = process.argv.slice(2);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const cache = openRedis(url, { role: 'cache' });
await cache.ready();
const workers = createWorkers({
  url,
  name,
  attempts: 3,
  backoffMs: 10,
  concurrency: 8,
  log,
  execute: async (job) => {
    await cache.client.set('taken-by', process.pid);
    // Half of it is done.
    await cache.client.unlink(job.steps[0]?.keys[0] ?? '');
    await new Promise(() => undefined);
  },
  lastResort: async () => undefined,
});
await workers.start();
