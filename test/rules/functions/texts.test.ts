import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { each } from '../../../src/rules/functions/each.ts';
import { FUNCTIONS } from '../../../src/rules/functions/index.ts';
import { json } from '../../../src/rules/functions/json.ts';
import { urlencode } from '../../../src/rules/functions/urlencode.ts';

describe('json reads a path without changing what stands there', () => {
  const text =
    '{"id": 9007199254740993, "n": 1.50e3, "a": [{"b": "x\\"y"}, [1, 2]], "k:,}": {"}": "]"}, "dup": 1, "dup": 2}';

  it.each([
    [['id'], '9007199254740993'],
    [['n'], '1.50e3'],
    [['a', '0', 'b'], 'x"y'],
    [['a', '1', '-1'], '2'],
    [['a', '1'], '[1, 2]'],
    [['k:,}', '}'], ']'],
    [['dup'], '2'],
    [['a', '7'], null],
    [['a', 'b'], null],
    [['id', 'x'], null],
  ])('%j', (path, expected) => {
    expect(json.apply(text, ...path)).toBe(expected);
  });

  it('throws on what is no JSON', () => {
    for (const wrong of ['{a: 1}', '{"a": x}', '{"a": 1', '{"a": 1,}', ''])
      expect(() => json.apply(wrong, 'a'), wrong).toThrow();
  });

  it('agrees with JSON.parse on any document', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.integer({ min: 0, max: 3 }), (value, indent) => {
        const source = JSON.stringify(value, null, indent);
        for (const [name, member] of Object.entries(value)) {
          const found = json.apply(source, name);
          if (typeof member === 'string') expect(found).toBe(member);
          else if (member === null) expect(found).toBeNull();
          else expect(JSON.parse(String(found))).toEqual(JSON.parse(JSON.stringify(member)));
        }
      }),
    );
  });
});

describe('each reads arrays as Postgres writes them', () => {
  /** array_out: quotes what is empty, looks like NULL, or holds structure, spaces, quotes or backslashes. */
  const write = (elements: readonly (string | null)[]) =>
    `{${elements
      .map((one) => {
        if (one === null) return 'NULL';
        const plain = one !== '' && !/^null$/i.test(one) && !/[\s"\\{},]/.test(one);
        return plain ? one : `"${one.replace(/["\\]/g, '\\$&')}"`;
      })
      .join(',')}}`;

  it('gives back every element but NULL', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.string({ unit: 'binary' }))), (elements) => {
        expect(each.apply(write(elements))).toEqual(elements.filter((one) => one !== null));
      }),
      { numRuns: 500 },
    );
  });

  it('throws on what is no array', () => {
    for (const text of ['', 'a', '{a', '{a}}', '{a}b', '{a}{b}', '{a},{b}', '{"a":1}', '{"a"b}', '{"a}', '3', '"a"']) {
      expect(() => each.apply(text), text).toThrow();
    }
  });
});

describe('urlencode', () => {
  it('never throws and can be decoded, half surrogates apart', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodeURIComponent(String(urlencode.apply(text)))).toBe(text);
      }),
    );
    fc.assert(fc.property(fc.uint16Array(), (units) => void urlencode.apply(String.fromCharCode(...units))));
  });

  it('leaves no colon, bracket, question mark or backslash in a key', () => {
    expect(urlencode.apply('a:b[c]?d\\e f')).toBe('a%3Ab%5Bc%5D%3Fd%5Ce%20f');
  });
});

describe('hashes and letters', () => {
  it('never throw, on any text', () => {
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 50 }), (units) => {
        const text = String.fromCharCode(...units);
        for (const name of ['lower', 'upper', 'md5', 'sha1', 'sha256']) FUNCTIONS.get(name)?.apply(text);
      }),
    );
  });
});
