import type { Step, Verb } from '../core/plan.ts';
import type { Key } from '../redis/keys.ts';

/** What actions do to the cache. Every effect, all randomness and all I/O of an action arrives through this. */
export interface Hands {
  /** Deletes entries and their leases without blocking Redis; one atomic command a slot and batch. */
  remove(keys: readonly Key[]): Promise<void>;
  /** Gives each rule's epoch a new random token: fills that began before are refused. */
  renewEpochs(rules: readonly string[]): Promise<void>;
  /** Gives each key a new random token. `existing`: only those that are there. */
  bump(keys: readonly Key[], options: { ttlMs?: number | undefined; existing: boolean }): Promise<void>;
  /**
   * Takes a set away, deletes what its members name, and says how many those were. Members added meanwhile stay. What a
   * clear that broke off has left is done too. Rejects with REDIS_WRONG_TYPE if the key is no set.
   */
  clear(key: Key): Promise<number>;
  /**
   * Finds keys by Redis glob patterns and hands them over page by page; the next page waits. A key may come twice. Keys of
   * unstale and of the queues are left out.
   */
  walk(patterns: readonly string[], onKeys: (keys: readonly Key[]) => Promise<void>): Promise<void>;
}

/** `keys`: quick, one round trip a batch. `sweep`: long ones, which must not keep the quick ones waiting. */
export type Lane = 'keys' | 'sweep';

/** One thing that can be done to keys: one file each in this folder, one line in index.ts, one test. */
export interface Action {
  readonly name: Verb;
  /** One sentence for help and manual. */
  readonly about: string;
  /** Where several effects meet on one key, the one with the highest strength stays. */
  readonly strength: number;
  readonly lane: Lane;
  /** Does the step and says how many keys it touched. Doing it twice, or half and then again, must be safe. */
  execute(hands: Hands, step: Step): Promise<number>;
  /** After the last attempt failed: makes sure by the plainest means that nothing stale is left. */
  lastResort(hands: Hands, step: Step): Promise<void>;
}
