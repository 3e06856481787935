import type { Status } from '../../roles/status.ts';
import type { Command, Context } from '../command.ts';

export const status: Command = {
  name: 'status',
  about: 'Slot, lag, queues, dead letters, and per rule: changes, keys, latency.',
  options: [],
  settings: ['databaseUrl', 'redisUrl', 'queueRedisUrl', 'name'],
  examples: [
    { command: 'status --json', does: 'the same for scripts: slot, watermark_lsn, queues, dead, gaps, rules' },
  ],
  async run(context) {
    const { readStatus } = await import('../../roles/status.ts');
    const found = await readStatus(context.settings(['databaseUrl', 'redisUrl']), await context.log());
    if (context.json) context.print(JSON.stringify(found, null, 2));
    else print(context, found);
    return 0;
  },
};

function print(context: Context, { slot, watermark_lsn, queues, dead, rules }: Status): void {
  if (!slot) context.print('slot       none: run `unstale setup`');
  else {
    const lag = `${slot.lag_bytes ?? '?'} bytes${slot.lag_seconds === null ? '' : `, ${slot.lag_seconds.toFixed(1)} s`} behind`;
    context.print(
      `slot       ${slot.name}, ${slot.active ? 'read' : 'read by nobody'}, ${slot.wal_status}, confirmed ${slot.confirmed_flush_lsn}, ${lag}`,
    );
  }
  context.print(`watermark  ${watermark_lsn ?? 'unknown: no tail has reported'}`);
  for (const [name, { waiting, active, delayed, failed, paused }] of Object.entries(queues)) {
    context.print(
      `queue      ${name}: ${waiting} waiting, ${active} active, ${delayed} delayed, ${failed} failed${paused ? ', paused' : ''}`,
    );
  }
  context.print(`dead       ${dead}`);
  const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`);
  for (const [rule, figures] of Object.entries(rules)) {
    context.print(
      `rule       ${rule}: ${figures.changes} changes, ${figures.keys} keys, p50 ${ms(figures.p50_ms)}, p99 ${ms(figures.p99_ms)}`,
    );
  }
}
