import { Lexer, Parser } from 'yaml';

/** How deep a rule file may be nested. */
export const DEEPEST = 30;

/** A `${...}` that YAML reads as structure; `star`: how far before it the text begins, if it begins with `*`. */
export interface Unquoted {
  readonly at: number;
  readonly length: number;
  readonly star: number;
}

/**
 * One pass over the tokens, before anything recursive runs: how deep the file is nested, and where a template's `${` was
 * read as the start of a map. The parser's stack holds one entry a level, and one for the document.
 */
export function scanTokens(text: string): { tooDeepAt?: number; unquoted: readonly Unquoted[] } {
  const parser = new Parser();
  const unquoted: Unquoted[] = [];
  let at = 0;
  let last = '';
  for (const token of new Lexer().lex(text)) {
    Array.from(parser.next(token));
    if (parser.stack.length > DEEPEST + 1) return { tooDeepAt: Math.min(at, text.length), unquoted };
    if (token === '{' && last.endsWith('$')) {
      const length = EXPRESSION.exec(text.slice(at - 1, at + 1000))?.[0].length ?? 2;
      unquoted.push({ at: at - 1, length, star: last.startsWith('*') ? last.length - 1 : 0 });
    }
    if (isMarker(token)) continue;
    at += token.length;
    last = token;
  }
  return { unquoted };
}

const EXPRESSION = /^\$\{(?:[^{}'\n]|'[^'\n]*')*\}/;

/** Tokens of the lexer that stand for no text: document start, end of a broken flow, a scalar follows. */
function isMarker(token: string): boolean {
  return token === '\u0002' || token === '\u0018' || token === '\u001f';
}

/** Characters that are structure to YAML, and those for private use that stand for them in a template that is not quoted. */
const MASKS = new Map(Array.from(`{}[],:'"*&`, (char, index) => [char, String.fromCharCode(0xe0f0 + index)]));
const UNMASKS = new Map([...MASKS].map(([char, mask]) => [mask, char]));

/** Hides unquoted templates from YAML, so that one forgotten quote does not make nonsense of the rest of the file. */
export function masked(text: string, unquoted: readonly Unquoted[]): string {
  let result = '';
  let from = 0;
  for (const { at, star, length } of unquoted) {
    if (at < from) continue;
    const found = text.slice(at, at + length);
    const start = Math.max(from, star > 0 ? at - star : at);
    result += text.slice(from, start) + mask(text.slice(start, start + 1)) + text.slice(start + 1, at);
    result += star > 0 ? mask(found) : mask(found).slice(1);
    from = at + found.length;
  }
  return result + text.slice(from);
}

const mask = (text: string): string => text.replace(/[{}[\],:'"*&]/g, (char) => MASKS.get(char) ?? char);
/** The text that was hidden. */
export const unmask = (text: string): string => text.replace(/[\ue0f0-\ue0fa]/g, (char) => UNMASKS.get(char) ?? char);
