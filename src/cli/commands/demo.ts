import { UnstaleError } from '../../core/errors/index.ts';
import type { Command } from '../command.ts';

export const demo: Command = {
  name: 'demo',
  about: 'The main job on a Postgres and a Redis of its own: sample tables, the worker, writers and readers.',
  options: [{ flags: '--seconds <n>', about: 'end by itself with a summary; exit 0 only if nothing was stale' }],
  settings: ['logLevel', 'logFormat'],
  examples: [
    { command: 'demo', does: 'runs until Ctrl-C' },
    { command: 'demo --seconds 15', does: 'runs for 15 seconds and says how it went' },
  ],
  async run(context) {
    const asked = context.options.seconds;
    const seconds = asked === undefined ? undefined : Number(asked);
    if (seconds !== undefined && !(seconds > 0 && seconds <= 86_400)) {
      throw new UnstaleError('USAGE', `--seconds takes a number of seconds, not ${JSON.stringify(asked)}`);
    }
    const { runDemo } = await import('../../demo/demo.ts');
    const summary = await runDemo({
      seconds,
      signal: context.signal,
      // The worker's own log would drown the demo's lines, unless it was asked for.
      logLevel: context.given.logLevel ?? context.env.LOG_LEVEL ?? 'warn',
      print: (line) => (context.json ? undefined : context.print(line)),
    });
    if (context.json) context.print(JSON.stringify(summary, null, 2));
    return summary.stale === 0 ? 0 : 1;
  },
};
