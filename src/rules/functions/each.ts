import type { TemplateFunction } from './define.ts';
import { itemsOf, textOf } from './json-text.ts';

export const each: TemplateFunction = {
  name: 'each',
  about:
    'One key an element of an array, Postgres or JSON. NULL elements give none; nested Postgres arrays are flattened.',
  arguments: ['array'],
  apply(text = '') {
    const source = text.trim();
    const array = /^(?:\[[+-]?\d+:[+-]?\d+\])+=(?=\{)/.exec(source);
    if (array) return elementsOf(source.slice(array[0].length));
    if (source.startsWith('{')) return elementsOf(source);
    JSON.parse(source); // throws on what is no JSON: the scanner relies on it
    if (!source.startsWith('[')) throw new Error(`no array: ${source.slice(0, 40)}`);
    return itemsOf(source).flatMap((item) => textOf(item) ?? []);
  },
  examples: [
    { call: ['{a,"b,c",NULL}'], gives: ['a', 'b,c'] },
    { call: ['{{1,2},{3,4}}'], gives: ['1', '2', '3', '4'] },
    { call: ['[0:1]={x,y}'], gives: ['x', 'y'] },
    { call: ['{"say \\"hi\\"","NULL",""}'], gives: ['say "hi"', 'NULL', ''] },
    { call: ['["a", 9007199254740993, null]'], gives: ['a', '9007199254740993'] },
    { call: ['{}'], gives: [] },
  ],
};

/**
 * The elements of an array's text. Braces are only structure outside quotes, and a bare NULL is one.
 * Source: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
function elementsOf(text: string): string[] {
  const elements: string[] = [];
  // A brace, a comma, a quoted element, or a bare one (in which a backslash escapes too).
  const token = /\s*(?:([{},])|"((?:[^"\\]|\\[\s\S])*)"|((?:[^{},"\\]|\\[\s\S])+))/y;
  let depth = 0;
  let wantsElement = true;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const [whole, mark, quoted, bare] = token.exec(text) ?? [];
    const isFirst = at === 0;
    if (whole === undefined || (depth === 0 && !isFirst)) throw new Error(`no array: ${text.slice(0, 40)}`);
    if (mark === '{') depth++;
    else if (mark === '}') depth--;
    else if (mark === undefined) {
      if (!wantsElement) throw new Error(`no array: ${text.slice(0, 40)}`);
      const element = quoted === undefined ? bare?.trimEnd() : quoted;
      if (quoted !== undefined || !/^null$/i.test(element ?? ''))
        elements.push((element ?? '').replace(/\\([\s\S])/g, '$1'));
    }
    wantsElement = mark === ',' || mark === '{';
  }
  if (depth !== 0) throw new Error(`no array: ${text.slice(0, 40)}`);
  return elements;
}
