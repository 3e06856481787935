import { UnstaleError } from '../core/errors/index.ts';
import type { Key } from '../redis/keys.ts';
import type { Action, Hands } from './define.ts';
import { settle } from './settle.ts';

/** Sets cleared at once: each costs a few round trips, and more than these would crowd out other work. */
const AT_ONCE = 16;

export const clearAction: Action = {
  name: 'clear',
  about: 'Deletes what the members of the set name, and the set.',
  strength: 5,
  lane: 'sweep',
  async execute(hands, step) {
    return settle(step.keys, (key) => hands.clear(key), { atOnce: AT_ONCE });
  },
  /** A reader treats an entry that is missing from its index as a miss, so a set that cannot be cleared is deleted. */
  async lastResort(hands, step) {
    await clearOrRemove(hands, step.keys);
  },
};

/** Clears what is a set; what is something else is deleted. Says how many keys that touched. */
export function clearOrRemove(hands: Hands, keys: readonly Key[]): Promise<number> {
  const one = async (key: Key): Promise<number> => {
    try {
      return await hands.clear(key);
    } catch (error) {
      if (!(error instanceof UnstaleError && error.code === 'REDIS_WRONG_TYPE')) throw error;
      await hands.remove([key]);
      return 1;
    }
  };
  return settle(keys, one, { atOnce: AT_ONCE });
}
