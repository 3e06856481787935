import type { TemplateFunction } from './define.ts';

export const lower: TemplateFunction = {
  name: 'lower',
  about: 'The text in lower case, by Unicode, whatever the collation of the database.',
  arguments: ['text'],
  apply: (text = '') => text.toLowerCase(),
  examples: [
    { call: ['Ada@Example.ORG'], gives: 'ada@example.org' },
    { call: ['ÅSE'], gives: 'åse' },
  ],
};
