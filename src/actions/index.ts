import type { Verb } from '../core/plan.ts';
import { bumpAction } from './bump.ts';
import { clearAction } from './clear.ts';
import type { Action } from './define.ts';
import { deleteAction } from './delete.ts';
import { scanAction } from './scan.ts';

/** Sorted by name. A verb that is not here is not executed yet. */
export const ACTIONS: Readonly<Partial<Record<Verb, Action>>> = {
  bump: bumpAction,
  clear: clearAction,
  delete: deleteAction,
  scan: scanAction,
};

export type { Action, Hands, Lane } from './define.ts';
