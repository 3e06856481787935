import type { TemplateFunction } from './define.ts';

export const urlencode: TemplateFunction = {
  name: 'urlencode',
  about: "The text with everything but A-Z a-z 0-9 - _ . ! ~ * ' ( ) as %XX of its UTF-8, like encodeURIComponent.",
  arguments: ['text'],
  // Half a surrogate pair has no UTF-8, and encodeURIComponent throws on it; Postgres cannot store one either.
  apply: (text = '') => encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')),
  examples: [
    { call: ['a:b c'], gives: 'a%3Ab%20c' },
    { call: ['50%'], gives: '50%25' },
    { call: ['*'], gives: '*' },
    { call: ['\ud83d\ude00'], gives: '%F0%9F%98%80' },
    { call: ['\ud83d'], gives: '%EF%BF%BD' },
  ],
};
