import type { System } from '../system.ts';
import { preferences } from './preferences.ts';

/** The systems that the demo plays. */
export const SYSTEMS: readonly System[] = [preferences];
