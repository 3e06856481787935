import { describe, expect, it } from 'vitest';
import { loadRules, type RuleSet } from '../../src/rules/index.ts';

/** Loads one file that must be right. */
function load(text: string, path = 'a.yaml'): RuleSet {
  const { ruleSet, findings } = loadRules([{ path, text: `edition: 1\n${text}` }]);
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (!ruleSet) throw new Error('refused');
  return ruleSet;
}

const only = <T>(list: readonly T[]): T => {
  expect(list).toHaveLength(1);
  return list[0] as T;
};

/** The watches of the only rule, whose `watch` this is; its templates have the placeholders a and b. */
const watches = (watch: string) =>
  only(load(`rules:\n  r:\n    key: 'k:\${a}:\${b}'\n    watch: ${watch}\n`).rules).watches;

describe('watch in all its shapes', () => {
  it('is a table, or a list of them, in the schema public if none is named', () => {
    expect(watches('t').map(({ table }) => table)).toEqual(['public.t']);
    expect(watches('[t, app.t, App.My.Table]').map(({ table }) => table)).toEqual([
      'public.t',
      'app.t',
      'App.My.Table',
    ]);
  });

  it('counts every operation unless told otherwise', () => {
    expect([...only(watches('t')).ops]).toEqual(['insert', 'update', 'delete', 'truncate']);
    expect([...only(watches('{ t: { ops: [delete, insert] } }')).ops]).toEqual(['insert', 'delete']);
    expect([...only(watches('{ t: }')).ops]).toHaveLength(4);
    expect([...only(watches('{ t: {} }')).ops]).toHaveLength(4);
  });

  it('is a map of tables to columns, to one case, or to several', () => {
    expect(only(watches('{ t: [x, y, x] }')).columns).toEqual(['x', 'y']);
    expect(only(watches('{ t: { columns: [x], ignore: [y] } }'))).toMatchObject({ columns: ['x'], ignore: ['y'] });
    const several = watches('{ t: [{ ops: [insert] }, { columns: [x] }], u: }');
    expect(several.map(({ table, ops, columns }) => [table, ops.size, columns])).toEqual([
      ['public.t', 1, undefined],
      ['public.t', 4, ['x']],
      ['public.u', 4, undefined],
    ]);
  });

  it('fills each placeholder from the column of its name, or from those it is bound to', () => {
    expect([...only(watches('t')).bind]).toEqual([
      ['a', ['a']],
      ['b', ['b']],
    ]);
    expect([...only(watches('{ t: { bind: { a: [x, y], b: 007 } } }')).bind]).toEqual([
      ['a', ['x', 'y']],
      ['b', ['007']],
    ]);
  });

  it('takes a table named like a relative with its schema', () => {
    expect(only(watches('public.children')).table).toBe('public.children');
  });

  it('finds the watches of a table, of all rules', () => {
    const { byTable } = load('rules: { b: { key: b, watch: [t, u] }, a: { key: a, watch: t } }');
    expect([...byTable].map(([table, list]) => [table, list.map(({ rule }) => rule.name)])).toEqual([
      ['public.t', ['a', 'b']],
      ['public.u', ['b']],
    ]);
  });
});

describe('values keep the text of the file', () => {
  const values = (test: string) => only(only(watches(`{ t: { where: { c: ${test} } } }`)).where);

  it.each([
    ['1.50', ['1.50']],
    ['007', ['007']],
    ['9007199254740993', ['9007199254740993']],
    ['1e3', ['1e3']],
    ['0x1F', ['0x1F']],
    ['true', ['true']],
    ['yes', ['yes']],
    ['2026-01-01', ['2026-01-01']],
    ['null', [null]],
    ['~', [null]],
    ['', [null]],
    ['"null"', ['null']],
    ["'~'", ['~']],
    ["''", ['']],
    ['[a, null, 1.0]', ['a', null, '1.0']],
    ['"a\\tb"', ['a\tb']],
    ['\ue0f0', ['\ue0f0']],
  ])('%j', (text, expected) => {
    expect(values(text)).toEqual({ column: 'c', values: expected, not: false });
  });

  it('may be turned round with `not`', () => {
    expect(values('{ not: archived }')).toEqual({ column: 'c', values: ['archived'], not: true });
    expect(values('{ not: [archived, null] }')).toEqual({ column: 'c', values: ['archived', null], not: true });
  });

  it('are the same in becomes', () => {
    expect(only(watches('{ t: { becomes: { c: 1.50 } } }')).becomes).toEqual([
      { column: 'c', values: ['1.50'], not: false },
    ]);
  });
});

describe('a rule', () => {
  it('has a family, templates with the namespace in front, and its settings in base units', () => {
    const rule = only(
      load(`
namespace: pm
rules:
  stats:
    about: Numbers.
    version: ['v:\${id}', '\${id}:v', all]
    watch: t
    ttl: 5m
    jitter: 10%
    compress: 1kb
    again_after: 500ms
    fence: off
`).rules,
    );
    expect(rule).toMatchObject({ name: 'stats', about: 'Numbers.', family: 'version', replicas: false, fence: false });
    expect(rule).toMatchObject({ ttlMs: 300_000, jitter: 0.1, compressBytes: 1024, againAfterMs: 500 });
    expect(rule.templates.map(({ source }) => source)).toEqual(['pm:v:${id}', 'pm:${id}:v', 'pm:all']);
    expect(rule.templates.map(({ parts }) => parts[0])).toEqual([
      { kind: 'literal', text: 'pm:v:' },
      { kind: 'literal', text: 'pm:' },
      { kind: 'literal', text: 'pm:all' },
    ]);
    expect(rule.place).toEqual({ file: 'a.yaml', line: 5, column: 3 });
  });

  it('is fenced, and lives on the primary, unless it says otherwise', () => {
    expect(only(load('rules: { a: { key: a, watch: t } }').rules)).toMatchObject({ fence: true, replicas: false });
  });

  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
  ])('lives for %s', (ttl, ms) => {
    expect(only(load(`rules: { a: { key: a, watch: t, ttl: ${ttl} } }`).rules).ttlMs).toBe(ms);
  });

  it.each([
    ['10%', 0.1],
    ['0.5', 0.5],
    ['25', 0.25],
    ['100%', 1],
    ['0%', 0],
  ])('spreads its lifetime by %s', (jitter, fraction) => {
    expect(only(load(`rules: { a: { key: a, watch: t, jitter: ${jitter} } }`).rules).jitter).toBe(fraction);
  });

  it('keeps a glob in a namespace from acting in a pattern, but not in the pattern itself', () => {
    const rule = only(load('namespace: "a*"\nrules: { a: { pattern: "b:*", scan: accept, watch: t } }').rules);
    expect(rule.templates[0]?.parts).toEqual([{ kind: 'literal', text: 'a\\*:b:*' }]);
  });

  it('is warned of if its template begins open, but not below a namespace', () => {
    const load1 = (text: string) => loadRules([{ path: 'a.yaml', text: `edition: 1\n${text}` }]);
    const open = load1('rules: { a: { key: "${id}:x", watch: t } }');
    expect(open.findings).toMatchObject([{ code: 'RULE_TEMPLATE_BEGINS_OPEN', severity: 'warning' }]);
    expect(open.ruleSet).toBeDefined();
    expect(load1('namespace: n\nrules: { a: { key: "${id}:x", watch: t } }').findings).toEqual([]);
  });
});

describe('the hash of a rule set', () => {
  const a = 'edition: 1\nrules:\n  a: { key: "a:${x}", watch: { t: { where: { c: [1, 2] } }, u: } }\n';
  const b = 'edition: 1\nrules:\n  b: { key: b, watch: t }\n';
  const hash = (...texts: string[]) => loadRules(texts.map((text, i) => ({ path: `${i}.yaml`, text }))).ruleSet?.hash;

  it('is the same for other comments, descriptions, orders of files, rules and cases, and line ends', () => {
    expect(hash(a, b)).toMatch(/^[0-9a-f]{16}$/);
    expect(hash(b, a)).toBe(hash(a, b));
    const other = `# hello\nedition: 1\nabout: x\nrules:\n  b:\n    watch: [t]\n    key: b # y\n    about: z\n`;
    expect(hash(other, a)).toBe(hash(a, b));
    const turned =
      'edition: 1\r\nrules:\r\n  a: { watch: { u: {}, t: { where: { c: [2, 1] } } }, key: "a:${ x }" }\r\n';
    expect(hash(turned, b)).toBe(hash(a, b));
  });

  it('is another for anything that a rule does differently', () => {
    const variants = [
      'rules: { a: { key: a, watch: t } }',
      'rules: { b: { key: a, watch: t } }',
      'rules: { a: { index: a, watch: t } }',
      'rules: { a: { key: "${a}", watch: t } }',
      'rules: { a: { key: "$${a}", watch: t } }',
      'rules: { a: { key: "${lower(a)}", watch: t } }',
      'rules: { a: { key: a, watch: u } }',
      'rules: { a: { key: a, watch: [t, u] } }',
      'rules: { a: { key: a, watch: t, ttl: 5m } }',
      'rules: { a: { key: a, watch: t, fence: off } }',
      'rules: { a: { key: a, watch: { t: [c] } } }',
      'rules: { a: { key: a, watch: { t: { ignore: [c] } } } }',
      'rules: { a: { key: a, watch: { t: { where: { c: null } } } } }',
      'rules: { a: { key: a, watch: { t: { where: { c: "null" } } } } }',
      'rules: { a: { key: a, watch: { t: { where: { c: { not: "null" } } } } } }',
      'rules: { a: { key: a, watch: { t: { becomes: { c: null } } } } }',
      'rules: { a: { key: "${a}", watch: { t: { bind: { a: c } } } } }',
      'namespace: n\nrules: { a: { key: a, watch: t } }',
    ];
    const hashes = variants.map((text) => hash(`edition: 1\n${text}`));
    expect(new Set(hashes).size).toBe(variants.length);
    expect(hashes).not.toContain(undefined);
  });
});

describe('tests in rule files', () => {
  it('keep the text of rows, and know null, unsent and what was', () => {
    const { tests } = load(
      `
tests:
  - name: all of it
    given: { t: [{ id: 1 }], public.t: [{ id: 02 }] }
    lookups: { film.actor: [{ film_id: 1 }] }
    changes:
      - { insert: app.t, row: { id: 007, big: 9007199254740993, price: 1.50, done: true, gone: null, word: "null" } }
      - { update: t, row: { id: 1 }, was: { id: 2 }, unsent: [data] }
      - { delete: t, row: { id: 1 } }
      - { truncate: t }
    expect: { delete: [a, "b:1"], scan: [007] }
  - name: nothing
    change: { update: t, row: {} }
    expect: nothing
`,
      'a.test.yaml',
    );
    expect(tests[0]).toEqual({
      name: 'all of it',
      place: { file: 'a.test.yaml', line: 4, column: 5 },
      given: new Map([['public.t', [{ id: '1' }, { id: '02' }]]]),
      changes: [
        {
          op: 'insert',
          table: 'app.t',
          row: { id: '007', big: '9007199254740993', price: '1.50', done: 'true', gone: null, word: 'null' },
          was: undefined,
          unsent: [],
        },
        { op: 'update', table: 'public.t', row: { id: '1' }, was: { id: '2' }, unsent: ['data'] },
        { op: 'delete', table: 'public.t', row: { id: '1' }, was: undefined, unsent: [] },
        { op: 'truncate', table: 'public.t', row: undefined, was: undefined, unsent: [] },
      ],
      expect: { delete: ['a', 'b:1'], scan: ['007'] },
    });
    expect(tests[1]).toMatchObject({ expect: {}, changes: [{ was: undefined }] });
  });

  it('may stand in a *.test.yaml without rules, and in no other file', () => {
    const text = 'edition: 1\ntests: []\n';
    expect(loadRules([{ path: 'a.test.yaml', text }]).findings).toEqual([]);
    expect(loadRules([{ path: 'a.test.yml', text }]).findings).toEqual([]);
    expect(loadRules([{ path: 'a.yaml', text }]).findings).toMatchObject([{ code: 'RULE_MISSING_FIELD' }]);
  });
});

describe('locate', () => {
  it('leads to the column of a case, or to the case, with its line', () => {
    const text =
      'edition: 1\nrules:\n  a:\n    key: a:${x}\n    watch:\n      t:\n        columns: [title]\n        bind: { x: y }\n';
    const { ruleSet, locate } = loadRules([{ path: 'a.yaml', text }]);
    const watch = only(ruleSet?.byTable.get('public.t') ?? []);
    expect(locate(watch, 'title')).toEqual({
      place: { file: 'a.yaml', line: 7, column: 19 },
      source: '        columns: [title]',
    });
    expect(locate(watch, 'y').place).toMatchObject({ line: 8, column: 20 });
    expect(locate(watch).source).toBe('      t:');
    expect(locate(watch, 'unnamed').place).toEqual(watch.place);
  });
});
