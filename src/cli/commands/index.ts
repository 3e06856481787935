import type { Command } from '../command.ts';
import { check } from './check.ts';
import { demo } from './demo.ts';
import { explain } from './explain.ts';
import { run } from './run.ts';
import { schema } from './schema.ts';
import { setup } from './setup.ts';
import { status } from './status.ts';
import { teardown } from './teardown.ts';
import { test } from './test.ts';

export const COMMANDS: readonly Command[] = [check, demo, explain, run, schema, setup, status, teardown, test];
