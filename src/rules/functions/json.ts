import type { TemplateFunction } from './define.ts';
import { memberOf, textOf } from './json-text.ts';

export const json: TemplateFunction = {
  name: 'json',
  about:
    'What stands at a path of a json or jsonb value: names of members, positions in arrays from 0. Strings without quotes, numbers with every digit, objects and arrays as they are written. Nothing there, or null, gives no key.',
  arguments: ['json', 'path', 'path...'],
  apply(text = '', ...path) {
    JSON.parse(text); // throws on what is no JSON: the scanner relies on it
    let source: string | undefined = text.trim();
    for (const step of path) {
      source = memberOf(source, step);
      if (source === undefined) return null;
    }
    return textOf(source);
  },
  examples: [
    { call: ['{"a": {"b": 9007199254740993}}', 'a', 'b'], gives: '9007199254740993' },
    { call: ['{"tags": ["x", "y"]}', 'tags', '1'], gives: 'y' },
    { call: ['{"price": 1.50, "on": true}', 'price'], gives: '1.50' },
    { call: ['{"a": {"b": [1, 2]}}', 'a'], gives: '{"b": [1, 2]}' },
    { call: ['{"name": "caf\\u00e9"}', 'name'], gives: 'café' },
    { call: ['{"a": null}', 'a'], gives: null },
    { call: ['{"a": 1}', 'b'], gives: null },
  ],
};
