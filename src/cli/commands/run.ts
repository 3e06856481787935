import { UnstaleError } from '../../core/errors/index.ts';
import type { DryEffect } from '../../roles/dry-run.ts';
import type { Command } from '../command.ts';

export const run: Command = {
  name: 'run',
  about: 'The worker: reads the WAL and enqueues (tail), executes jobs (work), or both. Ends cleanly on SIGTERM.',
  options: [
    { flags: '--only <role>', about: 'tail or work; any number of each may run, one tail holds the slot' },
    { flags: '--dry-run', about: 'print what would be done, from now on, and touch nothing' },
  ],
  settings: [
    'databaseUrl',
    'redisUrl',
    'queueRedisUrl',
    'rules',
    'name',
    'concurrency',
    'batch',
    'window',
    'attempts',
    'backoffMs',
    'http',
    'token',
    'onGap',
    'logLevel',
    'logFormat',
  ],
  examples: [
    { command: 'run', does: 'reads the WAL and executes the jobs, in one process' },
    { command: 'run --only work', does: 'one more executor, on any machine' },
    { command: 'run --dry-run', does: 'prints a line for each effect; needs no Redis' },
  ],
  async run(context) {
    const only = context.options.only;
    if (only !== undefined && only !== 'tail' && only !== 'work') {
      throw new UnstaleError('USAGE', `--only takes tail or work, not ${JSON.stringify(only)}`);
    }
    const { requireRules } = await import('../rules.ts');
    if (context.options.dryRun === true) {
      const settings = context.settings(['databaseUrl']);
      const { dryRun } = await import('../../roles/dry-run.ts');
      const { ruleSet } = await requireRules(settings.rules);
      await dryRun(settings, ruleSet, {
        log: await context.log(),
        signal: context.signal,
        onEffect: (effect) => context.print(context.json ? JSON.stringify(effect) : effectLine(effect)),
      });
      return 0;
    }
    const settings = context.settings(['databaseUrl', 'redisUrl']);
    const { ruleSet } = await requireRules(settings.rules);
    const { runRoles } = await import('../../roles/run.ts');
    const roles = only ? ([only] as const) : (['tail', 'work'] as const);
    await runRoles(settings, ruleSet, { roles, log: await context.log(), signal: context.signal });
    return 0;
  },
};

function effectLine({ verb, key, rule, lsn }: DryEffect): string {
  return `${verb.padEnd(8)} ${key}  (${rule}, ${lsn})`;
}
