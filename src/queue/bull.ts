import { type JobsOptions, Queue } from 'bullmq';
import type { Lane } from '../actions/define.ts';
import { UnstaleError } from '../core/errors/index.ts';
import type { Log } from '../core/ports.ts';
import { redisError } from '../redis/errors.ts';
import { serverFacts } from '../redis/facts.ts';
import type { RedisConnection } from '../redis/open.ts';
import { LANES, prefixOf } from './names.ts';
import type { Payload } from './payload.ts';

type BullQueue = Queue<Payload>;
export type BullQueues = Readonly<Record<Lane, BullQueue>>;

/** Dead letters kept a queue; older ones go. Their keys were deleted, so they are only there to be looked at. */
const DEAD_KEPT = 10_000;

export interface JobSettings {
  readonly attempts: number;
  readonly backoffMs: number;
}

export function jobOptions({ attempts, backoffMs }: JobSettings): JobsOptions {
  return {
    attempts,
    backoff: { type: 'exponential', delay: backoffMs, jitter: 0.25 },
    removeOnComplete: true,
    removeOnFail: { count: DEAD_KEPT },
    stackTraceLimit: 1,
  };
}

type Client = RedisConnection['client'];

/** A client for BullMQ, and the copies that it makes of it. */
export interface BullClient {
  readonly client: Client;
  /** BullMQ does not always end its copies when Redis is away. */
  disconnect(): void;
}

/**
 * BullMQ prints a warning about the eviction policy on the console for each connection, from the reply of INFO. It gets
 * that reply without the line; `warnOfEviction` says it once, in the log.
 */
export function bullClient(redis: RedisConnection): BullClient {
  const clients = new Set<Client>();
  const quiet = (client: Client): Client => {
    clients.add(client);
    const info = client.info.bind(client);
    const duplicate = client.duplicate.bind(client);
    // ioredis itself asks with a callback.
    const quietInfo = (...args: unknown[]): unknown =>
      args.length > 0 ? Reflect.apply(info, undefined, args) : client.call('info').then(withoutEviction);
    Object.defineProperty(client, 'info', { value: quietInfo, configurable: true, writable: true });
    Object.defineProperty(client, 'duplicate', {
      value: (...args: unknown[]): Client => quiet(Reflect.apply(duplicate, undefined, args)),
      configurable: true,
      writable: true,
    });
    return client;
  };
  const client = quiet(redis.client);
  return {
    client,
    disconnect: () => {
      for (const each of clients) each.disconnect();
    },
  };
}

function withoutEviction(info: unknown): string {
  return String(info).replace(/^maxmemory_policy:.*$/m, '');
}

/** Jobs that are evicted are changes that are lost until they are missed and enqueued again. */
export async function warnOfEviction(redis: RedisConnection, log: Log): Promise<void> {
  for (const { eviction } of await serverFacts(redis)) {
    if (eviction === '' || eviction === 'noeviction') continue;
    const message = `The queue's Redis ${redis.label} has maxmemory-policy ${eviction}; noeviction is needed.`;
    const { code, hint } = new UnstaleError('QUEUE_REDIS_EVICTS', message);
    log.warn({ code, hint, redis: redis.label, eviction }, "The queue's Redis may evict jobs");
    return;
  }
}

/**
 * The BullMQ queues on a client that is connected. A BullMQ object whose first commands fail stays broken for ever, so
 * call it again after a failure. Rejects with an UnstaleError.
 */
export async function openBullQueues(
  { client }: BullClient,
  options: { name: string; jobs: JobSettings; onError: (error: unknown) => void },
): Promise<BullQueues> {
  const open = (lane: Lane): BullQueue => {
    const queue: BullQueue = new Queue(lane, {
      connection: client,
      prefix: prefixOf(options.name),
      defaultJobOptions: jobOptions(options.jobs),
      // The event stream is for onlookers only; 10,000 events would be the default.
      streams: { events: { maxLen: 1_000 } },
    });
    queue.on('error', options.onError);
    return queue;
  };
  const queues = { keys: open('keys'), sweep: open('sweep') };
  try {
    await Promise.all(LANES.map((lane) => queues[lane].waitUntilReady()));
    return queues;
  } catch (error) {
    await Promise.allSettled(LANES.map((lane) => queues[lane].close()));
    throw redisError(error, `Redis (queue ${options.name})`);
  }
}
