import { Cluster, type DNSLookupFunction, Redis, type RedisOptions } from 'ioredis';
import { type Log, silent } from '../core/ports.ts';
import { sleep } from '../pace/sleep.ts';
import { type Address, parseAddress } from './address.ts';
import { redisError } from './errors.ts';
import { OutageLog } from './outage.ts';

/**
 * What a connection is for.
 * `cache`: deletes and scans; fails fast and never sends a command twice by itself, the caller tries again.
 * `queue`: the producer; fails fast, so that a batch is kept here while Redis is away.
 * `worker`: blocking reads and BullMQ's workers; waits for the connection as long as it takes.
 */
export type RedisRole = 'cache' | 'queue' | 'worker';

/** ioredis's client, of one server or of a cluster. */
export type RedisClient = Redis | Cluster;
/** A client of one server. */
export type RedisNode = Redis;

export interface RedisConnection {
  readonly client: RedisClient;
  readonly cluster: boolean;
  readonly role: RedisRole;
  /** Hosts and ports, no password. */
  readonly label: string;
  /** Every node that takes writes, each with a connection of its own. One of them without a cluster. */
  masters(): readonly RedisNode[];
  /** The master of a cluster slot, as far as is known; undefined without a cluster. */
  masterOf(slot: number): RedisNode | undefined;
  /** Resolves when the server answers. Rejects with an UnstaleError when `timeoutMs` (default 5000) is over first. */
  ready(timeoutMs?: number): Promise<void>;
  /** Closes at once; commands that are under way are rejected. */
  close(): void;
}

/** A server that is silent this long, with commands waiting, is taken for dead and connected to anew. */
const SILENT_MS = 15_000;
const COMMAND_MS = 5_000;
const reconnectMs = (times: number): number => Math.min(50 * 2 ** Math.min(times, 6), 2_000);

/** `ERR DB index is out of range` · `ERR invalid DB index` · `ERR SELECT is not allowed in cluster mode` */
const NO_SUCH_DATABASE = /DB index|SELECT is not allowed/;

/** Opens a Redis or a cluster; returns at once, connects and reconnects by itself. Throws REDIS_BAD_URL. */
export function openRedis(url: string, { role, log = silent }: { role: RedisRole; log?: Log }): RedisConnection {
  const address = parseAddress(url);
  const where = `Redis ${address.label} (${role})`;
  const outage = new OutageLog(log, where);
  const client = address.cluster ? openCluster(address, role) : openSingle(address, role);
  const closed = new AbortController();
  let lastError: unknown;
  let hopeless = false;
  // Without a listener ioredis prints errors on the console.
  client.on('error', (error: unknown) => {
    if (hopeless) return;
    lastError = error;
    outage.failed(redisError(error, where));
    if (!(error instanceof Error && NO_SUCH_DATABASE.test(error.message))) return;
    // The driver would go on in database 0.
    hopeless = true;
    closed.abort();
    client.disconnect();
  });
  client.on('ready', () => {
    lastError = undefined;
    outage.worked();
  });
  return {
    client,
    cluster: address.cluster,
    role,
    label: address.label,
    masters: () => (client instanceof Cluster ? client.nodes('master') : [client]),
    masterOf: (slot) => {
      if (!(client instanceof Cluster)) return undefined;
      const [name] = client.slots[slot] ?? [];
      return client.nodes('master').find(({ options }) => `${options.host}:${options.port}` === name);
    },
    ready: async (timeoutMs = 5_000) => {
      if (client.status === 'ready') return;
      const over = new AbortController();
      const done = (): void => over.abort();
      // Not events.once: that gives up at the first error, and there may be several before the first answer.
      client.on('ready', done);
      await sleep(timeoutMs, AbortSignal.any([over.signal, closed.signal]));
      client.off('ready', done);
      if (!over.signal.aborted) throw redisError(lastError ?? new Error('ETIMEDOUT: no connection yet'), where);
    },
    close: () => {
      closed.abort();
      client.disconnect();
    },
  };
}

function openSingle(address: Address, role: RedisRole): Redis {
  const [node] = address.nodes;
  return new Redis({
    ...common(address, role),
    ...offline(role),
    host: node?.host ?? '127.0.0.1',
    port: node?.port ?? 6379,
    db: address.db,
    retryStrategy: reconnectMs,
  });
}

function openCluster(address: Address, role: RedisRole): Cluster {
  return new Cluster([...address.nodes], {
    ...offline(role),
    clusterRetryStrategy: reconnectMs,
    // A node that restarts keeps its slots, so nothing would bring its connection back before the next slot refresh.
    clusterNodeRetryStrategy: reconnectMs,
    slotsRefreshInterval: 2_000,
    slotsRefreshTimeout: 3_000,
    // No auto-pipelining: ioredis 6.0 takes the slot of a binary key from its text, breaks on callBuffer, and fails a whole
    // pipeline for one command that was redirected.
    redisOptions: common(address, role),
    // Certificates name hosts, so hosts must not be turned into addresses first.
    ...(address.tls && { dnsLookup: asItIs }),
  });
}

const asItIs: DNSLookupFunction = (host, callback) => callback(null, host);

function offline(role: RedisRole): { enableOfflineQueue: boolean } {
  return { enableOfflineQueue: role === 'worker' };
}

function common(address: Address, role: RedisRole) {
  return {
    replyMapping: 'legacy' as const,
    ...(address.username !== undefined && { username: address.username }),
    ...(address.password !== undefined && { password: address.password }),
    ...(address.tls && { tls: {} }),
    connectTimeout: 5_000,
    socketTimeout: SILENT_MS,
    // BullMQ's workers insist on null: their commands wait for the connection.
    maxRetriesPerRequest: role === 'worker' ? null : 0,
    autoResendUnfulfilledCommands: role === 'worker',
    ...(role !== 'worker' && { commandTimeout: COMMAND_MS }),
    // After a failover behind one name the old primary answers READONLY: only a new connection finds the new one.
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 1 : false),
    disableClientInfo: true,
  } satisfies RedisOptions;
}
