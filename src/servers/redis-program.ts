import { versionOf } from './cache.ts';

/** A program that starts as a Redis or Valkey server. */
export interface RedisProgram {
  readonly path: string;
  readonly version: string;
  readonly source: string;
  /** What it needs in its environment to start. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the program for its version; that also shows whether it starts at all on this machine. */
export async function tryRedis(
  path: string,
  source: (version: string) => string,
  env?: Readonly<Record<string, string>>,
): Promise<RedisProgram | { reason: string }> {
  const answer = await versionOf(path, env ? { env: { PATH: process.env.PATH, ...env } } : {});
  if ('reason' in answer) return { reason: `${path} does not start: ${answer.reason}` };
  // `Redis server v=7.0.15 sha=00000000:0 malloc=…`, `Valkey server v=8.1.1 …`
  const version = / v=(\S+)/.exec(answer.text)?.[1];
  if (version === undefined) return { reason: `${path} is not a Redis: it says ${answer.text}` };
  return { path, version, source: source(version), ...(env ? { env } : {}) };
}
