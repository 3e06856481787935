import type { Hands } from '../../src/actions/define.ts';
import { UnstaleError } from '../../src/core/errors/index.ts';
import type { Key } from '../../src/redis/keys.ts';

/** Hands that write down what they are told to do. */
export function writtenHands(
  options: { sets?: Record<string, number>; keys?: readonly Key[]; noSets?: readonly Key[] } = {},
) {
  const calls: unknown[][] = [];
  const note = (...call: unknown[]): void => void calls.push(call);
  const hands: Hands = {
    remove: async (keys) => note('remove', keys),
    renewEpochs: async (rules) => note('renewEpochs', rules),
    bump: async (keys, how) => note('bump', keys, how),
    clear: async (key) => {
      note('clear', key);
      if (options.noSets?.includes(key)) throw new UnstaleError('REDIS_WRONG_TYPE', 'no set');
      return options.sets?.[String(key)] ?? 0;
    },
    walk: async (patterns, onKeys) => {
      note('walk', patterns);
      for (const key of options.keys ?? []) await onKeys([key]);
    },
  };
  return { hands, calls };
}
