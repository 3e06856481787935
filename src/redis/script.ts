import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Key } from './keys.ts';
import type { RedisConnection } from './open.ts';

/** A Lua script in a file of its own: its text and SHA-1. */
export interface Script {
  readonly lua: string;
  readonly sha1: string;
}

export function loadScript(file: URL): Script {
  const lua = readFileSync(file, 'utf8');
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/** Runs a script by its SHA-1, and sends its text where the server does not know it. Replies are bytes. Keys share a slot. */
export async function runScript(redis: RedisConnection, script: Script, keys: readonly Key[]): Promise<unknown> {
  try {
    return await redis.client.callBuffer('evalsha', [script.sha1, keys.length, ...keys]);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return redis.client.callBuffer('eval', [script.lua, keys.length, ...keys]);
  }
}
