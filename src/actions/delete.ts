import type { Action } from './define.ts';

export const deleteAction: Action = {
  name: 'delete',
  about: 'Deletes the entry and its lease.',
  strength: 1,
  lane: 'keys',
  async execute(hands, step) {
    await hands.remove(step.keys);
    return step.keys.length;
  },
  async lastResort(hands, step) {
    await hands.remove(step.keys);
  },
};
