import { UnstaleError } from '../../core/errors/index.ts';
import type { TestChange } from '../../rules/index.ts';
import type { Command, Context } from '../command.ts';
import { printable } from '../report.ts';

const OPERATIONS = ['insert', 'update', 'delete', 'truncate'] as const;

export const explain: Command = {
  name: 'explain',
  about: 'Which rules a change touches, which keys, why, and why not the others. No database is needed.',
  options: [
    { flags: '--insert <table>', about: 'the change is an insert into this table' },
    { flags: '--update <table>', about: 'the change is an update of this table' },
    { flags: '--delete <table>', about: 'the change is a delete from this table' },
    { flags: '--truncate <table>', about: 'the change is a truncate of this table' },
    { flags: '--row <json>', about: 'the row: new for inserts and updates, old for deletes' },
    { flags: '--was <json>', about: 'the columns that differed before an update; without it the old row was not sent' },
    { flags: '--unsent <columns>', about: 'columns of the row that Postgres did not send (unchanged TOAST), by comma' },
  ],
  settings: ['rules'],
  examples: [
    {
      command: `explain --update projects --row '{"id": 7, "owner_id": 2}' --was '{"owner_id": 1}'`,
      does: 'shows the keys of both owners, and the rules that pass',
    },
    { command: 'explain --truncate projects', does: 'shows the patterns that a truncate is widened to' },
  ],
  async run(context) {
    const [{ requireRules }, rules, plan] = await Promise.all([
      import('../rules.ts'),
      import('../../rules/index.ts'),
      import('../../plan/explain.ts'),
    ]);
    const change = changeOf(context, rules.parseRow);
    const { ruleSet } = await requireRules(context.settings().rules);
    const { effects, passed } = plan.explainTestChange(ruleSet, change);
    if (context.json) context.print(JSON.stringify({ effects, passed }, null, 2));
    else {
      for (const effect of effects)
        context.print(`${effect.verb.padEnd(8)} ${printable(effect.key)}\n         ${effect.rule}: ${effect.because}`);
      for (const one of passed) context.print(`passed   ${one.rule}: ${one.because}`);
    }
    return 0;
  },
};

function changeOf(
  context: Context,
  parseRow: (text: string, what: string) => Readonly<Record<string, string | null>>,
): TestChange {
  const { options } = context;
  const asked = OPERATIONS.filter((op) => typeof options[op] === 'string');
  const [op] = asked;
  if (!op || asked.length > 1)
    throw new UnstaleError('USAGE', 'one of --insert, --update, --delete, --truncate is needed, with a table');
  const text = (name: string) => (typeof options[name] === 'string' ? String(options[name]) : undefined);
  const table = text(op) ?? '';
  const row = text('row');
  if (row === undefined && op !== 'truncate')
    throw new UnstaleError('USAGE', `--${op} needs --row '{"column": "value", ...}'`);
  const was = text('was');
  if (was !== undefined && op !== 'update')
    throw new UnstaleError('USAGE', `--was goes with --update, not with --${op}`);
  return {
    op,
    table: table.includes('.') ? table : `public.${table}`,
    row: row === undefined ? undefined : parseRow(row, '--row'),
    was: was === undefined ? undefined : parseRow(was, '--was'),
    unsent: text('unsent')?.split(',') ?? [],
  };
}
