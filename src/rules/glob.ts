import { compileGlob as compileByteGlob } from '../redis/glob.ts';

/** A text as a glob pattern that matches nothing but itself. */
export function globEscape(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&');
}

/** A pattern to a test of keys, both as text. Redis matches bytes, so `?` is one byte of UTF-8; see redis/glob.ts. */
export function compileGlob(pattern: string): (key: string) => boolean {
  const matches = compileByteGlob(bytesOf(pattern));
  return (key) => matches(bytesOf(key));
}

const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
