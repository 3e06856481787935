import { randomBytes } from 'node:crypto';
import type { Hands } from '../actions/define.ts';
import { redisError } from '../redis/errors.ts';
import {
  CLEARING_SUFFIX,
  isInternal,
  type Key,
  leaseOf,
  leaseSharesSlot,
  neighbour,
  slotOf,
  toKey,
} from '../redis/keys.ts';
import type { RedisConnection, RedisNode } from '../redis/open.ts';
import { loadScript, runScript } from '../redis/script.ts';
import type { Walker } from './walk.ts';

/** Entries a command on a single node: 1000 names with their leases, where the time per name levels off. */
const ENTRIES = 500;
const takeIndex = loadScript(new URL('./scripts/take-index.lua', import.meta.url));
const dropIndex = loadScript(new URL('./scripts/drop-index.lua', import.meta.url));

/** The hands of the actions over one cache. Everything rejects with an UnstaleError. */
export function createHands(cache: RedisConnection, walker: Walker): Hands {
  const where = `Redis ${cache.label} (cache)`;
  const coded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw redisError(error, where);
    }
  };
  return {
    remove: (keys) => coded(() => remove(cache, keys)),
    renewEpochs: (rules) => coded(() => setTokens(cache, rules.map(epochOf), { existing: false })),
    bump: (keys, options) => coded(() => setTokens(cache, keys, options)),
    clear: (key) => coded(() => clear(cache, key)),
    walk: (patterns, onKeys) => walker.walk(patterns, onKeys),
  };
}

/** Part of the contract with readers: the manual, "Names in Redis". */
export function epochOf(rule: string): string {
  return `unstale:epoch:${rule}`;
}

async function remove(cache: RedisConnection, keys: readonly Key[]): Promise<void> {
  const ours = keys.filter((key) => !isInternal(key));
  if (cache.cluster) return removeBySlot(cache, ours);
  const commands: Promise<number>[] = [];
  for (let i = 0; i < ours.length; i += ENTRIES) {
    commands.push(cache.client.unlink(ours.slice(i, i + ENTRIES).flatMap((key) => [key, leaseOf(key)])));
  }
  await Promise.all(commands);
}

/** One pipeline a node, one command a slot in it. What a node refuses goes through the client, which follows redirections. */
async function removeBySlot(cache: RedisConnection, keys: readonly Key[]): Promise<void> {
  const slots = new Map<number, Key[]>();
  for (const key of keys) {
    const names = leaseSharesSlot(key) ? [key, leaseOf(key)] : [key];
    const slot = slotOf(key);
    const there = slots.get(slot);
    if (there) there.push(...names);
    else slots.set(slot, names);
  }
  const nodes = new Map<RedisNode | undefined, Key[][]>();
  for (const [slot, names] of slots) {
    const node = cache.masterOf(slot);
    const there = nodes.get(node);
    if (there) there.push(names);
    else nodes.set(node, [names]);
  }
  const refused = await Promise.all([...nodes].map(([node, commands]) => unlinkOn(node, commands)));
  await Promise.all(refused.flat().map((names) => cache.client.unlink(names)));
}

/** The commands that were refused. */
async function unlinkOn(node: RedisNode | undefined, commands: readonly Key[][]): Promise<readonly Key[][]> {
  if (!node) return commands;
  const pipeline = node.pipeline();
  for (const names of commands) pipeline.unlink(names);
  const results = await pipeline.exec().catch(() => null);
  return commands.filter((_, i) => !results?.[i] || results[i][0] !== null);
}

async function setTokens(
  cache: RedisConnection,
  keys: readonly Key[],
  { ttlMs, existing }: { ttlMs?: number | undefined; existing: boolean },
): Promise<void> {
  const expiry = ttlMs === undefined ? [] : ['PX', ttlMs];
  const condition = existing ? ['XX'] : [];
  await Promise.all(keys.map((key) => cache.client.call('set', [key, newToken(), ...expiry, ...condition])));
}

function newToken(): string {
  return randomBytes(15).toString('base64url');
}

/**
 * Renames the set to a name that is used once only: were it used twice, a slow clear could strike members off a set that
 * a later one has taken away. The list of such names beside it is how a retry, of any job, finds what was left.
 */
async function clear(cache: RedisConnection, key: Key): Promise<number> {
  const list = neighbour(key, CLEARING_SUFFIX);
  const name = neighbour(key, `${CLEARING_SUFFIX}:${randomBytes(8).toString('hex')}`);
  const taken = await runScript(cache, takeIndex, [key, list, name]);
  let touched = 0;
  for (const set of bytesOf(taken)) {
    touched += await drain(cache, set);
    await runScript(cache, dropIndex, [set, list]);
  }
  return touched;
}

/**
 * Nothing is added to a set that was taken away, so one pass of SSCAN sees every member; members are struck off only
 * once their entries are gone, so what is left after a crash is what is left to do.
 */
async function drain(cache: RedisConnection, set: Buffer): Promise<number> {
  let touched = 0;
  let cursor = '0';
  do {
    const [next, members] = await cache.client.sscanBuffer(set, cursor, 'COUNT', ENTRIES);
    for (let i = 0; i < members.length; i += ENTRIES) {
      const page = members.slice(i, i + ENTRIES);
      await remove(cache, page.map(toKey));
      await cache.client.srem(set, ...page);
      touched += page.length;
    }
    cursor = next.toString();
  } while (cursor !== '0');
  return touched;
}

function bytesOf(reply: unknown): readonly Buffer[] {
  return Array.isArray(reply) ? reply.filter((item) => Buffer.isBuffer(item)) : [];
}
