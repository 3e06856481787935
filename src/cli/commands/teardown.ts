import type { Command } from '../command.ts';

export const teardown: Command = {
  name: 'teardown',
  about: 'Drops slot and publication, after asking. A slot that nobody reads makes Postgres keep its WAL for ever.',
  options: [{ flags: '--yes', about: 'do not ask' }],
  settings: ['databaseUrl', 'name'],
  examples: [
    { command: 'teardown --yes', does: 'takes unstale out of the database; replica identities stay as they are' },
  ],
  async run(context) {
    const [{ teardownDatabase }, { confirmed }] = await Promise.all([
      import('../../roles/setup.ts'),
      import('../confirm.ts'),
    ]);
    const settings = context.settings(['databaseUrl']);
    const question = `Drop the slot and the publication "${settings.name}"? What changes afterwards reaches no cache.`;
    await confirmed(question, context.options.yes === true);
    const dropped = await teardownDatabase(settings, await context.log());
    if (context.json) context.print(JSON.stringify(dropped, null, 2));
    else context.print(`slot ${settings.name}: ${dropped.slot}; publication ${settings.name}: ${dropped.publication}`);
    return 0;
  },
};
