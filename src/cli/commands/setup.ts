import type { Command } from '../command.ts';

export const setup: Command = {
  name: 'setup',
  about:
    'Makes publication, slot and the replica identities that the rules need. Idempotent; runs as the owner of the tables.',
  options: [{ flags: '--print', about: 'show the SQL, change nothing' }],
  settings: ['databaseUrl', 'rules', 'name'],
  examples: [
    { command: 'setup --print', does: 'shows the SQL for someone else to run' },
    { command: 'setup', does: 'prepares the database; running it again changes nothing' },
  ],
  async run(context) {
    const [{ requireRules }, { setupDatabase }] = await Promise.all([
      import('../rules.ts'),
      import('../../roles/setup.ts'),
    ]);
    const settings = context.settings(['databaseUrl']);
    const rules = await requireRules(settings.rules);
    const log = await context.log();
    const { statements, warnings } = await setupDatabase(settings, rules, {
      print: context.options.print === true,
      log,
    });
    if (context.json) context.print(JSON.stringify({ statements, applied: context.options.print !== true }, null, 2));
    else {
      for (const statement of statements) context.print(`${statement};`);
      for (const warning of warnings) context.print(`-- ${warning}`);
      if (context.options.print !== true)
        context.print(statements.length === 0 ? 'nothing to do' : `done: ${statements.length} statements`);
    }
    return 0;
  },
};
