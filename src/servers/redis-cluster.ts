import { setTimeout as delay } from 'node:timers/promises';
import { UnstaleError } from '../core/errors/index.ts';
import { redisProgram } from './redis.ts';
import { startLocalRedis } from './redis-local.ts';
import { ask, fieldOf } from './redis-wire.ts';
import type { RedisServer } from './server.ts';

export interface RedisCluster {
  /** The first node's URL with `?cluster=true`. */
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  close(): Promise<void>;
}

const SLOTS = 16_384;
const JOIN_MS = 30_000;

/**
 * Starts nodes without replicas on this machine and makes them a cluster. Never in containers: a node tells its
 * clients the address under which it sees itself, and that is of no use outside of the container.
 */
export async function startRedisCluster(options: { nodes?: number } = {}): Promise<RedisCluster> {
  const count = options.nodes ?? 3;
  const program = await redisProgram();
  const nodes: RedisServer[] = [];
  const close = async () => {
    await Promise.all(nodes.map((node) => node.close()));
  };
  try {
    const args = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', '2000'];
    for (let index = 0; index < count; index++) nodes.push(await startLocalRedis(program, args, { bus: true }));
    await join(nodes);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `${nodes[0]?.url}?cluster=true`, nodes, close };
}

async function join(nodes: readonly RedisServer[]): Promise<void> {
  for (const [index, node] of nodes.entries()) {
    const first = Math.ceil((index * SLOTS) / nodes.length);
    const after = Math.ceil(((index + 1) * SLOTS) / nodes.length);
    const slots = Array.from({ length: after - first }, (_, offset) => String(first + offset));
    // Different epochs from the start, or the nodes first have to settle who is right.
    await ask(node.url, ['CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1)], ['CLUSTER', 'ADDSLOTS', ...slots]);
  }
  const others = nodes.slice(1).map((node) => ['CLUSTER', 'MEET', '127.0.0.1', String(node.port)]);
  if (nodes[0] && others.length > 0) await ask(nodes[0].url, ...others);
  await Promise.all(nodes.map((node) => untilJoined(node, nodes.length)));
}

async function untilJoined(node: RedisServer, size: number): Promise<void> {
  const deadline = Date.now() + JOIN_MS;
  for (;;) {
    const [info] = await ask(node.url, ['CLUSTER', 'INFO']);
    const known = fieldOf(info, 'cluster_size');
    const state = fieldOf(info, 'cluster_state');
    if (state === 'ok' && known === String(size)) return;
    if (Date.now() > deadline) {
      throw new UnstaleError(
        'SERVERS_START_FAILED',
        `the nodes did not become a cluster; port ${node.port}: state ${state}, ${known} of ${size} nodes known`,
      );
    }
    await delay(10);
  }
}
