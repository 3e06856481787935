import { createHash } from 'node:crypto';
import type { TemplateFunction } from './define.ts';

export const sha1: TemplateFunction = {
  name: 'sha1',
  about: 'The SHA1 hash of the text in UTF-8, in hexadecimal.',
  arguments: ['text'],
  apply: (text = '') => createHash('sha1').update(text, 'utf8').digest('hex'),
  examples: [
    { call: ['abc'], gives: 'a9993e364706816aba3e25717850c26c9cd0d89d' },
    { call: [''], gives: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' },
  ],
};
