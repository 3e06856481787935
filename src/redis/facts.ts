import { redisError } from './errors.ts';
import type { RedisConnection } from './open.ts';

/** What INFO says of a server. https://redis.io/docs/latest/commands/info/ */
export interface ServerFacts {
  /** Changes at every start of the process, and so at a failover: what it held before may be older than we think. */
  readonly runId: string;
  readonly version: string;
  readonly software: 'redis' | 'valkey' | 'dragonfly';
  /** `maxmemory-policy`; empty if the server does not tell. */
  readonly eviction: string;
  /** Bytes; 0 is no limit. */
  readonly maxMemoryBytes: number;
  readonly role: 'master' | 'replica';
}

/** Facts of each master, sorted by run id (one without a cluster). Rejects with an UnstaleError. */
export async function serverFacts(connection: RedisConnection): Promise<readonly ServerFacts[]> {
  await connection.ready();
  try {
    // `call`, since the queue's clients hide the eviction policy from BullMQ in `info`.
    const texts = await Promise.all(connection.masters().map((node) => node.call('info')));
    return texts.map((text) => readFacts(String(text))).sort((a, b) => (a.runId < b.runId ? -1 : 1));
  } catch (error) {
    throw redisError(error, `Redis ${connection.label}`);
  }
}

/** The reply of INFO, `field:value` a line, to facts. */
export function readFacts(info: string): ServerFacts {
  const fields = new Map(
    info.split(/\r?\n/).map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1)]),
  );
  const software = fields.has('dragonfly_version') ? 'dragonfly' : fields.has('valkey_version') ? 'valkey' : 'redis';
  return {
    runId: fields.get('run_id') ?? '',
    version: fields.get(`${software}_version`) ?? fields.get('redis_version') ?? '',
    software,
    eviction: fields.get('maxmemory_policy') ?? '',
    maxMemoryBytes: Number(fields.get('maxmemory') ?? 0),
    role: fields.get('role') === 'slave' ? 'replica' : 'master',
  };
}
