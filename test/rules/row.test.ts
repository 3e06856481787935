import { describe, expect, it } from 'vitest';
import { UnstaleError } from '../../src/core/errors/index.ts';
import { parseRow } from '../../src/rules/index.ts';

describe('a row on the command line', () => {
  it('is JSON, and keeps every digit', () => {
    expect(
      parseRow('{"id": 9007199254740993, "price": 1.50, "done": true, "gone": null, "name": "a\\"b\\u00e9"}', '--row'),
    ).toEqual({
      id: '9007199254740993',
      price: '1.50',
      done: 'true',
      gone: null,
      name: 'a"bé',
    });
  });

  it('may be YAML, and holds lists and objects as they are written', () => {
    expect(parseRow('{ id: 007, tags: [1.0, "x"], data: {"a": 1} }', '--row')).toEqual({
      id: '007',
      tags: '[1.0, "x"]',
      data: '{"a": 1}',
    });
    expect(parseRow('{"a": {"b":1} , "c": []}', '--row')).toEqual({ a: '{"b":1}', c: '[]' });
  });

  it.each(['', '[]', '7', '{', '{"a": 1, "a": 2}', '{"a": }}'])('refuses %j with a clear error', (text) => {
    expect(() => parseRow(text, '--row')).toThrow(UnstaleError);
    expect(() => parseRow(text, '--row')).toThrow(/^--row is no row/);
  });
});
