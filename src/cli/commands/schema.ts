import type { Command } from '../command.ts';

export const schema: Command = {
  name: 'schema',
  about: 'Prints the JSON Schema of rule files, for completion and checks in editors.',
  options: [],
  settings: [],
  examples: [
    {
      command: 'schema > rules/schema.json',
      does: 'then begin rule files with: # yaml-language-server: $schema=./schema.json',
    },
  ],
  async run(context) {
    const { jsonSchema } = await import('../../rules/index.ts');
    context.print(JSON.stringify(jsonSchema(), null, 2));
    return 0;
  },
};
