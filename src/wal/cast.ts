/** Turns what the stream carries into what `column::text` prints. */
export type Cast = (text: string) => string;

/**
 * The stream carries what a type's output function writes. For these types the cast to text is another function, and
 * rule files, lookups and applications see what the cast gives. Keys: `pg_type.oid`.
 */
const CASTS: Readonly<Record<number, Cast>> = {
  // bool: t, f
  16: (text) => (text === 't' ? 'true' : text === 'f' ? 'false' : text),
  // char(n): padded with blanks
  1042: trimBlanks,
  // inet: a host is written without its mask
  869: (text) => (text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`),
};

export function castOf(type: number): Cast | undefined {
  return CASTS[type];
}

function trimBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === ' ') end--;
  return text.slice(0, end);
}
