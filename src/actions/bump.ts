import type { Action } from './define.ts';

export const bumpAction: Action = {
  name: 'bump',
  about: 'Gives the stamp a fresh random token, so that keys which hold the old one are not read any more.',
  // 2 and 3 are for patch and rebuild.
  strength: 4,
  lane: 'keys',
  async execute(hands, step) {
    await hands.bump(step.keys, { ttlMs: step.ttlMs, existing: false });
    return step.keys.length;
  },
  /** A reader that finds no stamp sets a fresh one, so deleting it does as well. */
  async lastResort(hands, step) {
    await hands.remove(step.keys);
  },
};
