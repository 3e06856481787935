import { createHash } from 'node:crypto';
import type { TemplateFunction } from './define.ts';

export const sha256: TemplateFunction = {
  name: 'sha256',
  about: 'The SHA256 hash of the text in UTF-8, in hexadecimal.',
  arguments: ['text'],
  apply: (text = '') => createHash('sha256').update(text, 'utf8').digest('hex'),
  examples: [
    { call: ['abc'], gives: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
    { call: [''], gives: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' },
  ],
};
