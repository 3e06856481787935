import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Value } from '../../src/core/change.ts';
import { compileGlob, compileTemplate, expand, globEscape, parseTemplate } from '../../src/rules/index.ts';

type Bound = Readonly<Record<string, Value | readonly Value[]>>;

function fill(source: string, values: Bound, options?: { pattern?: boolean }) {
  const { template, problems } = parseTemplate(source);
  expect(problems).toEqual([]);
  const isList = (value: Bound[string]): value is readonly Value[] => Array.isArray(value);
  return expand(
    template,
    new Map(Object.entries(values).map(([name, one]) => [name, isList(one) ? one : [one]])),
    options,
  );
}

const any = fc.string({
  unit: fc.constantFrom('a', '*', '?', '[', ']', '\\', '^', '-', ':', '\n', 'é', '\u{1f600}', '$', '{', '}'),
});

describe('a template is filled with the values of a row', () => {
  it('joins literal text, columns, functions and constants', () => {
    expect(fill("user:${id}:${lower(name)}:${json(data, 'a')}", { id: '7', name: 'ADA', data: '{"a": "x"}' })).toEqual({
      keys: ['user:7:ada:x'],
      patterns: [],
      widened: [],
    });
  });

  it('keeps a literal ${ that is written $${, and lone dollars', () => {
    expect(fill('a$${id}:$5:${id}$', { id: '7' }).keys).toEqual(['a${id}:$5:7$']);
  });

  it('takes any column name of the catalog, with spaces, capitals and dots', () => {
    expect(fill('a:${Owner Id}:${ größe }:${a.b-c}', { 'Owner Id': '1', größe: '2', 'a.b-c': '3' }).keys).toEqual([
      'a:1:2:3',
    ]);
  });

  it('reads quotes in constants as SQL does', () => {
    expect(fill("a:${json(d, 'it''s, )}')}", { d: '{"it\'s, )}": 1}' }).keys).toEqual(['a:1']);
  });

  it('gives one constant key without placeholders', () => {
    expect(fill('all', {}).keys).toEqual(['all']);
  });

  it('gives no key for a NULL', () => {
    expect(fill('a:${x}:${y}', { x: null, y: '1' })).toEqual({ keys: [], patterns: [], widened: [] });
    expect(fill('a:${x}:${y}', { x: null, y: undefined })).toEqual({ keys: [], patterns: [], widened: [] });
    expect(fill('a:${x}:${y}', { x: undefined, y: null })).toEqual({ keys: [], patterns: [], widened: [] });
    expect(fill("a:${json(x, 'b')}", { x: '{}' }).keys).toEqual([]);
    expect(fill("a:${date(x, 'UTC', z)}", { x: '2026-01-01', z: null }).keys).toEqual([]);
  });

  it('is filled once with each of several columns, and a NULL drops only its own key', () => {
    expect(fill('u:${user}', { user: ['a', null, 'b', 'a'] })).toEqual({
      keys: ['u:a', 'u:b'],
      patterns: [],
      widened: [],
    });
    expect(fill('u:${user}', { user: [null, null] })).toEqual({ keys: [], patterns: [], widened: [] });
    expect(fill('${x}-${y}', { x: ['1', '2'], y: ['a', 'b'] }).keys).toEqual(['1-a', '1-b', '2-a', '2-b']);
  });

  it('has the same value wherever a placeholder, or an expression, stands twice', () => {
    expect(fill('{${u}}:${u}', { u: ['a', 'b'] }).keys).toEqual(['{a}:a', '{b}:b']);
    expect(fill('${each(t)}:${each( t )}:${upper(u)}', { t: '{x,y}', u: ['a', 'b'] }).keys).toEqual([
      'x:x:A',
      'y:y:A',
      'x:x:B',
      'y:y:B',
    ]);
  });

  it('gives one key a day, and one an element, and all combinations', () => {
    expect(
      fill("d:${dates(a, b, 'UTC')}:${each(t)}", { a: '2026-01-01', b: '2026-01-02', t: '{x,y}' }).keys,
    ).toHaveLength(4);
    expect(fill('t:${each(t)}', { t: '{}' })).toEqual({ keys: [], patterns: [], widened: [] });
  });
});

describe('what is not known widens, and never narrows', () => {
  it('makes a pattern with a wildcard for a value that was not sent, and escapes everything else', () => {
    expect(fill('a*:${x}:${y}', { x: undefined, y: '[*]' })).toEqual({
      keys: [],
      patterns: ['a\\*:*:\\[\\*\\]'],
      widened: [{ reason: 'unsent', placeholder: 'x' }],
    });
  });

  it('makes one wildcard of two that meet', () => {
    expect(fill('a:${x}${y}:${x}', { x: undefined, y: undefined }).patterns).toEqual(['a:*:*']);
  });

  it('takes a placeholder that nobody has a value for as not sent', () => {
    expect(expand(parseTemplate('a:${x}').template, new Map()).patterns).toEqual(['a:*']);
  });

  it('keeps the keys of the columns that were sent', () => {
    expect(fill('u:${x}', { x: ['a', undefined, null] })).toEqual({
      keys: ['u:a'],
      patterns: ['u:*'],
      widened: [{ reason: 'unsent', placeholder: 'x' }],
    });
  });

  it('widens a function of a value that was not sent', () => {
    expect(fill('u:${md5(x)}', { x: undefined }).patterns).toEqual(['u:*']);
  });

  it('widens where a function throws, and says so', () => {
    expect(fill("u:${date(x, 'UTC')}:${y}", { x: 'never', y: '1' })).toEqual({
      keys: [],
      patterns: ['u:*:1'],
      widened: [{ reason: 'function', placeholder: 'x' }],
    });
    expect(fill('u:${date(x, z)}', { x: '2026-01-01 00:00:00+00', z: 'Mars' }).widened).toEqual([
      { reason: 'function', placeholder: 'x' },
    ]);
  });

  it('widens what would give more than a thousand keys', () => {
    const many = `{${Array.from({ length: 1001 }, (_, i) => i).join()}}`;
    const widened = [{ reason: 'limit', placeholder: 't' }];
    expect(fill('a:${each(t)}:${y}', { t: many, y: '1' })).toEqual({ keys: [], patterns: ['a:*:1'], widened });
    expect(fill("a:${dates(t, u, 'UTC')}", { t: '2026-01-01', u: 'infinity' })).toEqual({
      keys: [],
      patterns: ['a:*'],
      widened,
    });
  });

  it('widens the widest first when only the product is too large', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => `${i}`);
    const { patterns, widened, keys } = fill('a:${x}:${y}:${each(t)}', {
      x: hundred,
      y: ['a', 'b'],
      t: `{${hundred.join()}}`,
    });
    expect(keys).toEqual([]);
    expect(patterns).toHaveLength(200);
    expect(patterns).toContain('a:7:b:*');
    expect(widened).toEqual([{ reason: 'limit', placeholder: 't' }]);
    expect(fill('a:${x}:${y}', { x: hundred, y: hundred.slice(0, 50) })).toMatchObject({
      widened: [{ reason: 'limit', placeholder: 'x' }],
    });
  });

  it('touches every key that the unknown value could have made', () => {
    fc.assert(
      fc.property(any, any, any, (prefix, x, y) => {
        const literal = prefix.replaceAll('$', '');
        const [key = ''] = fill(`p${literal}:\${x}:\${y}`, { x, y }).keys;
        for (const values of [
          { x: undefined, y },
          { x, y: undefined },
          { x: undefined, y: undefined },
        ]) {
          const [pattern = ''] = fill(`p${literal}:\${x}:\${y}`, values).patterns;
          expect(compileGlob(pattern)(key)).toBe(true);
        }
      }),
    );
  });
});

describe('values are never patterns', () => {
  it('escapes values in the templates of a pattern rule, whose own text keeps its meaning', () => {
    expect(fill('a:*:${x}:?', { x: '*' }, { pattern: true })).toEqual({
      keys: [],
      patterns: ['a:*:\\*:?'],
      widened: [],
    });
    expect(fill('a:${x}:*', { x: undefined }, { pattern: true }).patterns).toEqual(['a:*:*']);
    expect(fill('a:*', {}, { pattern: true }).patterns).toEqual(['a:*']);
  });

  it('touches only its own key, whatever stands in the row', () => {
    fc.assert(
      fc.property(any, any, (value, other) => {
        const [pattern = ''] = fill('k:${x}', { x: value }, { pattern: true }).patterns;
        const matches = compileGlob(pattern);
        expect(matches(`k:${value}`)).toBe(true);
        expect(matches(`k:${other}`)).toBe(other === value);
        expect(compileGlob(globEscape(value))(other)).toBe(other === value);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('reading templates', () => {
  it('gives back what was written, for any text', () => {
    fc.assert(
      fc.property(any, (text) => {
        const { template, problems } = parseTemplate(text.replaceAll('${', () => '$${'));
        expect(problems).toEqual([]);
        expect(expand(template, new Map()).keys).toEqual([text]);
      }),
    );
  });

  it('never throws, and says where, for any text', () => {
    const piece = fc.constantFrom('${', '}', '$', '(', ')', ',', "'", 'lower', 'x', ' ', '$${', "'UTC'", 'date');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const source = pieces.join('');
        for (const { index } of parseTemplate(source).problems) {
          expect(index).toBeGreaterThanOrEqual(0);
          expect(index).toBeLessThanOrEqual(source.length);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('names each placeholder once, in order', () => {
    expect(parseTemplate("${b}:${lower(a)}:${b}:${json(c, 'd')}").template.placeholders).toEqual(['b', 'a', 'c']);
  });
});

describe('filling a plain template costs little', () => {
  it('fills a million in a moment', () => {
    const run = compileTemplate(parseTemplate('user:${tenant}:${id}').template);
    const values: Readonly<Record<string, readonly Value[]>> = { tenant: ['t'], id: ['1'] };
    const started = performance.now();
    for (let i = 0; i < 100_000; i++) run((name) => values[name] ?? []);
    // About 10 ms here; the bound only catches a change of its order of magnitude.
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
