import { UnstaleError } from '../core/errors/index.ts';
import type { RedisConnection } from '../redis/open.ts';

/** Which master has which slots, and whether any slot is on its way to another. */
export interface Fingerprint {
  readonly slots: string;
  readonly moving: boolean;
}

const SLOTS = 16_384;

/**
 * Asks every master for its own line of CLUSTER NODES. Rejects with REDIS_CLUSTER_DOWN if some slots have no master, since a
 * walk would miss their keys. https://redis.io/docs/latest/commands/cluster-nodes/
 */
export async function fingerprint(cache: RedisConnection): Promise<Fingerprint> {
  if (!cache.cluster) return { slots: '', moving: false };
  const lines = await Promise.all(
    cache.masters().map(async (node) => {
      const text = String(await node.cluster('NODES'));
      return text.split('\n').find((line) => line.includes('myself')) ?? '';
    }),
  );
  // id address flags master ping pong epoch state slot...
  const fields = lines.map((line) => ({ id: line.split(' ')[0] ?? '', slots: line.split(' ').slice(8) }));
  const owned = fields.flatMap(({ slots }) => slots).filter((slot) => !slot.startsWith('['));
  const count = owned.reduce((sum, range) => sum + sizeOf(range), 0);
  if (count < SLOTS) {
    throw new UnstaleError(
      'REDIS_CLUSTER_DOWN',
      `Redis ${cache.label}: ${count} of ${SLOTS} slots have a master that answers.`,
    );
  }
  return {
    slots: fields
      .map(({ id, slots }) => `${id} ${slots.join(' ')}`)
      .sort()
      .join('\n'),
    moving: fields.some(({ slots }) => slots.some((slot) => slot.startsWith('['))),
  };
}

function sizeOf(range: string): number {
  const [from = Number.NaN, to = from] = range.split('-').map(Number);
  return to - from + 1;
}
