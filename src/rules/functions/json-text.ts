/**
 * Reads parts of JSON as the text that stands there, so that no number loses a digit. The source must be valid JSON (pass
 * it through JSON.parse first): only then can strings and brackets be skipped without looking at anything else.
 */

/** The elements of an array, or the values of an object's members, each as source text. */
export function itemsOf(source: string): string[] {
  return membersOf(source).map((member) => member.value);
}

/** The member of an object, or the element of an array (from 0; negative from the end); the last of equal names counts. */
export function memberOf(source: string, name: string): string | undefined {
  if (source.startsWith('{')) return membersOf(source).findLast((member) => member.name === name)?.value;
  if (!source.startsWith('[') || !/^-?\d{1,9}$/.test(name)) return undefined;
  return membersOf(source).at(Number(name))?.value;
}

/** The text of a value: strings without quotes and escapes, `null` as null, everything else as it stands there. */
export function textOf(source: string): string | null {
  if (source === 'null') return null;
  return source.startsWith('"') ? String(JSON.parse(source)) : source;
}

interface Member {
  readonly name?: string | undefined;
  readonly value: string;
}

/** Splits a container at the commas of its own level. */
function membersOf(source: string): Member[] {
  const members: Member[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[[\]{},:]/g;
  let depth = 0;
  let start = 1;
  let name: string | undefined;
  for (const { 0: text, index } of source.matchAll(token)) {
    if (text === '[' || text === '{') depth++;
    const ends = depth === 1 && (text === ',' || text === ']' || text === '}');
    if (ends) {
      const value = source.slice(start, index).trim();
      if (value !== '') members.push({ name, value });
      start = index + 1;
    }
    if (depth === 1 && text === ':') {
      name = String(JSON.parse(source.slice(start, index)));
      start = index + 1;
    }
    if (text === ']' || text === '}') depth--;
  }
  return members;
}
