import type { TemplateFunction } from './define.ts';

export const upper: TemplateFunction = {
  name: 'upper',
  about: 'The text in upper case, by Unicode, whatever the collation of the database.',
  arguments: ['text'],
  apply: (text = '') => text.toUpperCase(),
  examples: [
    { call: ['de-AT'], gives: 'DE-AT' },
    { call: ['straße'], gives: 'STRASSE' },
  ],
};
