/**
 * Redis glob patterns, matched here exactly as `SCAN ... MATCH` does it: byte by byte. Patterns and keys are byte strings
 * (latin1: one character a byte), so that keys which are not UTF-8 are matched right too.
 * Source: stringmatchlen in https://github.com/redis/redis/blob/7.0/src/util.c
 */

/** What one byte of the key must be: a bitmap of 256, or that byte itself. */
type Token = string | ReadonlySet<string>;
/** What stands between two `*`: a plain text where it can be, since the engine searches those fast. */
type Segment = string | readonly Token[];

/** A pattern to a test of keys. Takes time linear in the key for each `*`; never backtracks over more than one. */
export function compileGlob(pattern: string): (key: string) => boolean {
  const segments = segmentsOf(pattern);
  const [first = '', ...rest] = segments;
  const last = rest.pop();
  if (last === undefined) return (key) => key.length === first.length && matchesAt(key, 0, first);
  return (key) => {
    const end = key.length - last.length;
    if (end < first.length || !matchesAt(key, 0, first) || !matchesAt(key, end, last)) return false;
    let from = first.length;
    for (const segment of rest) {
      const at = find(key, from, segment);
      if (at === -1) return false;
      from = at + segment.length;
    }
    return from <= end;
  };
}

/** A pattern that finds all that any of these find, and as little else as a common beginning allows: `abc*`. */
export function commonPattern(patterns: readonly string[]): string {
  let common: string | undefined;
  for (const pattern of patterns) {
    const [first = '', ...rest] = tokensOf(pattern);
    let prefix = '';
    for (const token of first === '' ? rest : [first, ...rest]) {
      if (typeof token !== 'string' || token === STAR) break;
      prefix += token;
    }
    common = common === undefined ? prefix : shared(common, prefix);
  }
  return `${(common ?? '').replace(/[*?[\]\\^]/g, '\\$&')}*`;
}

function shared(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}

/** Two characters, so that it cannot be a byte. */
const STAR = '**';
const ANY: ReadonlySet<string> = new Set(Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)));

function segmentsOf(pattern: string): Segment[] {
  const groups: Token[][] = [[]];
  for (const token of tokensOf(pattern)) {
    if (token === STAR) groups.push([]);
    else groups.at(-1)?.push(token);
  }
  return groups.map((tokens) => (tokens.every((token) => typeof token === 'string') ? tokens.join('') : tokens));
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === '*') tokens.push(STAR);
    else if (char === '?') tokens.push(ANY);
    else if (char === '[') {
      const { token, end } = classAt(pattern, i + 1);
      tokens.push(token);
      i = end;
    } else if (char === '\\' && i + 1 < pattern.length) tokens.push(pattern.charAt(++i));
    else tokens.push(char);
  }
  return tokens;
}

/**
 * `[abc]`, `[^a-z]`, `[\]]`; one that is not closed reaches to the end of the pattern. `end`: its last character. Redis
 * compares the ends of a range as C's `char`, which has a sign on some machines and none on others: where that matters
 * any byte will do here, so that nothing is missed.
 */
function classAt(pattern: string, start: number): { token: ReadonlySet<string>; end: number } {
  const negated = pattern[start] === '^';
  const members = new Set<string>();
  let unsure = false;
  let i = negated ? start + 1 : start;
  for (; i < pattern.length && pattern[i] !== ']'; i++) {
    const left = pattern.length - i;
    if (pattern[i] === '\\' && left >= 2) members.add(pattern.charAt(++i));
    else if (pattern[i + 1] === '-' && left >= 3) {
      const [low = 0, high = 0] = [pattern.charCodeAt(i), pattern.charCodeAt(i + 2)].sort((a, b) => a - b);
      for (let code = low; code <= high; code++) members.add(String.fromCharCode(code));
      unsure ||= high >= 0x80;
      i += 2;
    } else members.add(pattern.charAt(i));
  }
  if (unsure) return { token: ANY, end: i };
  return { token: negated ? new Set([...ANY].filter((char) => !members.has(char))) : members, end: i };
}

function matchesAt(key: string, at: number, segment: Segment): boolean {
  if (typeof segment === 'string') return key.startsWith(segment, at);
  for (let i = 0; i < segment.length; i++) {
    const token = segment[i];
    const char = key.charAt(at + i);
    if (typeof token === 'string' ? token !== char : !token?.has(char)) return false;
  }
  return true;
}

function find(key: string, from: number, segment: Segment): number {
  if (typeof segment === 'string') return key.indexOf(segment, from);
  for (let at = from; at + segment.length <= key.length; at++) if (matchesAt(key, at, segment)) return at;
  return -1;
}
