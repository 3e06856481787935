import type { Step } from '../core/plan.ts';
import type { Key } from '../redis/keys.ts';
import { clearOrRemove } from './clear.ts';
import type { Action, Hands } from './define.ts';

export const scanAction: Action = {
  name: 'scan',
  about: 'Finds keys by a pattern, in small steps, and deletes, clears or bumps them.',
  strength: 6,
  lane: 'sweep',
  execute: (hands, step) => walk(hands, step, step.found ?? 'delete'),
  async lastResort(hands, step) {
    await walk(hands, step, step.found === 'clear' ? 'clear' : 'delete');
  },
};

type What = NonNullable<Step['found']>;

async function walk(hands: Hands, step: Step, what: What): Promise<number> {
  let touched = 0;
  await hands.walk(step.keys, async (found) => {
    touched += await touch(hands, { what, found, ttlMs: step.ttlMs });
  });
  return touched;
}

interface Found {
  readonly what: What;
  readonly found: readonly Key[];
  readonly ttlMs: number | undefined;
}

/** A pattern may also find keys that are no sets; nobody promised that they are, so those are deleted. */
async function touch(hands: Hands, { what, found, ttlMs }: Found): Promise<number> {
  if (what === 'clear') return clearOrRemove(hands, found);
  if (what === 'bump') await hands.bump(found, { ttlMs, existing: true });
  else await hands.remove(found);
  return found.length;
}
