import type { Lane } from '../actions/define.ts';

export const LANES: readonly Lane[] = ['keys', 'sweep'];

/**
 * Prefix of all keys of the queues in Redis. The braces put them into one cluster slot; scans know such names and leave
 * them alone.
 */
export function prefixOf(name: string): string {
  return `{unstale:${name}}`;
}

/** The list through which other processes tell a tail which of its jobs are finished. */
export function noticesOf(name: string, tail: string): string {
  return `${prefixOf(name)}:done:${tail}`;
}
