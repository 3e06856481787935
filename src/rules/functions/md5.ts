import { createHash } from 'node:crypto';
import type { TemplateFunction } from './define.ts';

export const md5: TemplateFunction = {
  name: 'md5',
  about: 'The MD5 hash of the text in UTF-8, in hexadecimal.',
  arguments: ['text'],
  apply: (text = '') => createHash('md5').update(text, 'utf8').digest('hex'),
  examples: [
    { call: ['abc'], gives: '900150983cd24fb0d6963f7d28e17f72' },
    { call: [''], gives: 'd41d8cd98f00b204e9800998ecf8427e' },
  ],
};
