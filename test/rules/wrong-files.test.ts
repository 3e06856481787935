import { describe, expect, it } from 'vitest';
import { rulesErrors } from '../../src/core/errors/rules.ts';
import { loadRules } from '../../src/rules/index.ts';

/**
 * Wrong rule files. A comment at the end of a line names the codes that must be reported on that line, all of them and no
 * others in the whole file. Files begin with `edition: 1` unless they have an edition of their own.
 */
const WRONG: Readonly<Record<string, string>> = {
  'an edition that is not known': `
edition: 2 # RULE_EDITION
rules: {}`,
  'a misspelt field on every level': `
abot: x # RULE_UNKNOWN_FIELD
rules:
  a:
    key: a
    wacth: [t] # RULE_UNKNOWN_FIELD
    watch:
      t: { opps: [insert], where: { c: { nott: 1, not: 2 } } } # RULE_UNKNOWN_FIELD RULE_UNKNOWN_FIELD
tests:
  - name: n
    chnge: 1 # RULE_UNKNOWN_FIELD
    change: { insert: t, row: {}, rows: 1 } # RULE_UNKNOWN_FIELD
    expect: { dleete: [a] } # RULE_UNKNOWN_FIELD`,
  'fields of a case that stand on the rule': `
rules:
  a:
    key: a:\${b}
    watch: t
    bind: { b: c } # RULE_UNKNOWN_FIELD
    columns: [d] # RULE_UNKNOWN_FIELD`,
  'fields that are missing': `
rules:
  a: # RULE_MISSING_FIELD
    key: a
tests:
  - change: { insert: t, row: {} } # RULE_MISSING_FIELD RULE_MISSING_FIELD`,
  'no rules at all': `
edition: 1 # RULE_MISSING_FIELD`,
  'texts, lists and maps in the wrong place': `
namespace: [x] # RULE_WRONG_TYPE
rules:
  a:
    key: a
    watch:
      t: column # RULE_WRONG_TYPE
      u: { columns: c } # RULE_WRONG_TYPE
      v: { where: [c] } # RULE_WRONG_TYPE
  b: text # RULE_WRONG_TYPE
  c:
    key: c
    watch: [{ t: [x] }] # RULE_WRONG_TYPE
tests:
  - name: n
    change: { insert: t, row: { data: { a: 1 } } } # RULE_WRONG_TYPE
    expect: [a] # RULE_WRONG_TYPE`,
  'words that are not among the allowed ones': `
rules:
  a:
    key: a
    fence: true # RULE_UNKNOWN_VALUE
    replicas: yes # RULE_UNKNOWN_VALUE
    watch: { t: { ops: [insret], do: drop } } # RULE_UNKNOWN_VALUE RULE_UNKNOWN_VALUE
tests:
  - name: n
    change: { insert: t, row: {} }
    expect: nohting # RULE_UNKNOWN_VALUE`,
  'nothing where something is needed': `
about: # RULE_EMPTY
rules:
  a:
    key: '' # RULE_EMPTY
    watch: {} # RULE_EMPTY
  b:
    key: [] # RULE_EMPTY
    watch: [] # RULE_EMPTY
  c: # RULE_EMPTY
  d:
    key: d
    ttl: # RULE_EMPTY
    watch: # RULE_EMPTY
  e:
    key: e
    watch:
      t: [] # RULE_EMPTY
      u: { columns: [], where: { c: [] } } # RULE_EMPTY RULE_EMPTY`,
  'numbers out of range': `
rules:
  a:
    key: a
    watch: t
    rebuild: # RULE_NOT_YET
      sql: select 1
      concurrency: 0 # RULE_NUMBER
      priority: 1.5 # RULE_NUMBER`,
  'durations without a unit that is known': `
rules:
  a: { key: a, watch: t, ttl: 300 } # RULE_DURATION
  b: { key: b, watch: t, ttl: 5 minutes } # RULE_DURATION
  c: { key: c, watch: t, ttl: 1.5h } # RULE_DURATION
  d: { key: d, watch: t, again_after: 0s } # RULE_DURATION
  e: { key: e, watch: t, ttl: 99999999d } # RULE_DURATION
  f: { key: f, watch: t, ttl: -5m } # RULE_DURATION`,
  'shares and sizes': `
rules:
  a: { key: a, watch: t, jitter: ten } # RULE_PERCENT
  b: { key: b, watch: t, jitter: 101% } # RULE_PERCENT
  c: { key: c, watch: t, compress: 1 kilobyte } # RULE_SIZE`,
  'names with other characters': `
trees:
  my tree: # RULE_NAME
    top: { table: t }
rules:
  two words: { key: a, watch: t } # RULE_NAME
  a.b: { key: a, watch: t } # RULE_NAME
  __proto__: { key: a, watch: t } # RULE_NAME`,
  'a rule that exists twice in one file': `
rules:
  a: { key: a, watch: t }
  a: { key: b, watch: t } # RULE_DUPLICATE_KEY`,
  'a namespace with a placeholder': `
namespace: \${tenant} # RULE_NAMESPACE
rules:
  a: { key: a, watch: t }`,
  'two targets, or none': `
rules:
  a:
    key: a
    version: b # RULE_TARGET
    watch: t
  b: # RULE_TARGET
    watch: t`,
  'a pattern that does not accept its scans': `
rules:
  a:
    pattern: a:* # RULE_SCAN
    watch: t`,
  'scan where it has no effect (a warning)': `
rules:
  a:
    key: a
    scan: accept # RULE_SCAN
    watch: t`,
  'tables with an empty part': `
rules:
  a: { key: a, watch: .t } # RULE_TABLE
  b: { key: b, watch: [app.] } # RULE_TABLE
tests:
  - name: n
    given: { .t: [] } # RULE_TABLE
    change: { insert: t., row: {} } # RULE_TABLE
    expect: nothing`,
  'a table named like a relative': `
rules:
  a: { key: a, watch: children } # RULE_RELATIVE
  b: { key: b, watch: { parent: [c] } } # RULE_RELATIVE
  c: { key: c, watch: public.children }`,
  'columns and cases in one list': `
rules:
  a:
    key: a
    watch: { t: [title, { ops: [delete] }] } # RULE_CASES`,
  'levels that do not fit together': `
trees:
  one:
    top: { table: t, parent: p } # RULE_TREE
    below: { table: b } # RULE_TREE
    deep: { table: .d, parent: { x: blow, y: deep } } # RULE_TABLE RULE_UNKNOWN_LEVEL
  two: {} # RULE_TREE
  three:
    all: { table: t, single: true }
    each: { table: e }
rules:
  a:
    key: a
    levels: [top] # RULE_TREE RULE_NOT_YET
    watch: t`,
  'a tree or a level that does not exist': `
trees:
  work:
    top: { table: t }
rules:
  a:
    key: a
    tree: wrok # RULE_UNKNOWN_TREE RULE_NOT_YET
    watch: t
  b:
    key: b
    tree: work # RULE_NOT_YET
    levels: [tip] # RULE_UNKNOWN_LEVEL RULE_NOT_YET
    watch: t`,
  'rebuilds without one loader and one key': `
rules:
  a:
    key: a
    watch: t
    rebuild: { store: json } # RULE_REBUILD RULE_NOT_YET
  b:
    key: [a, b]
    watch: t
    rebuild: # RULE_REBUILD RULE_NOT_YET
      sql: select 1
      module: ./x.js # RULE_REBUILD
  c:
    index: c
    watch: t
    rebuild: { http: { url: 'http://a/', methd: GET } } # RULE_REBUILD RULE_NOT_YET RULE_UNKNOWN_FIELD
  d:
    key: d:\${id}
    watch: t
    rebuild: # RULE_NOT_YET
      sql: select \${ix}, \${lower(id)} # RULE_UNKNOWN_PLACEHOLDER RULE_TEMPLATE_SYNTAX
      schedule: { evry: 5m, select: 'select 1 where a = \${id}' } # RULE_UNKNOWN_FIELD RULE_MISSING_FIELD RULE_UNKNOWN_PLACEHOLDER
  e:
    key: e:\${id}
    watch: t
    rebuild: # RULE_NOT_YET
      http:
        url: http://a/\${idd} # RULE_UNKNOWN_PLACEHOLDER
        timeout: 5 # RULE_DURATION`,
  'actions that the rule is not equipped for': `
rules:
  a:
    key: a
    watch:
      t: { do: rebuild } # RULE_DO RULE_NOT_YET
      u:
        - do: patch # RULE_DO RULE_NOT_YET
        - do: delete`,
  'placeholders that no template has': `
rules:
  a:
    key: user:\${user_id}
    watch:
      t: { bind: { usr_id: owner } } # RULE_UNKNOWN_PLACEHOLDER`,
  'templates that cannot be read': `
rules:
  a: { key: 'a:\${}', watch: t } # RULE_TEMPLATE_SYNTAX
  b: { key: 'a:\${id', watch: t } # RULE_TEMPLATE_SYNTAX
  c: { key: 'a:\${lower(upper(id))}', watch: t } # RULE_TEMPLATE_SYNTAX
  d: { key: 'a:\${json(data, 0)}', watch: t } # RULE_TEMPLATE_SYNTAX
  e: { key: 'a:\${lower(id}:\${x y)}', watch: t } # RULE_TEMPLATE_SYNTAX RULE_TEMPLATE_SYNTAX
  f: { key: "a:\${date(t, 'UTC)}", watch: t } # RULE_TEMPLATE_SYNTAX`,
  'a template of many thousand characters': `
rules:
  a: { key: ${'x'.repeat(2001)}, watch: t } # RULE_TEMPLATE_LENGTH`,
  'templates that begin open (a warning)': `
rules:
  a: { key: '\${tenant}:x', watch: t } # RULE_TEMPLATE_BEGINS_OPEN
  b: { pattern: '*:x', scan: accept, watch: t } # RULE_TEMPLATE_BEGINS_OPEN`,
  'patterns that match one key only (a warning)': `
rules:
  a: { pattern: 'page:\${code}', scan: accept, watch: t } # RULE_PATTERN_CLOSED
  b: { pattern: 'page:\${code}:*', scan: accept, watch: t }`,
  "keys among unstale's own": `
rules:
  a: { key: 'unstale:epoch:\${id}', watch: t } # RULE_RESERVED_KEY`,
  'functions that do not exist': `
rules:
  a: { key: 'a:\${lowr(x)}', watch: t } # RULE_UNKNOWN_FUNCTION`,
  'functions with wrong arguments': `
rules:
  a: { key: 'a:\${date(x)}', watch: t } # RULE_FUNCTION_ARGUMENTS
  b: { key: 'a:\${lower(x, y)}', watch: t } # RULE_FUNCTION_ARGUMENTS
  c: { key: "a:\${date(x, 'Europe/Belin')}", watch: t } # RULE_FUNCTION_ARGUMENTS
  d: { key: "a:\${date('today', 'UTC')}", watch: t } # RULE_FUNCTION_ARGUMENTS
  e: { key: 'a:\${lower()}', watch: t } # RULE_FUNCTION_ARGUMENTS`,
  'tests that do not say one clear thing': `
tests:
  - name: both # (the line of the second is blamed)
    change: { insert: t, row: {} }
    changes: [{ insert: t, row: {} }] # RULE_TEST
    expect: nothing
  - name: neither # RULE_TEST
    expect: nothing
  - name: two operations
    change: { insert: t, delete: t, row: {} } # RULE_TEST
    expect: nothing
  - name: no row
    change: { insert: t } # RULE_TEST
    expect: nothing
  - name: an insert that was
    change: { insert: t, row: {}, was: {} } # RULE_TEST
    expect: nothing
  - name: a truncate of a row
    change: { truncate: t, row: {} } # RULE_TEST
    expect: nothing
  - name: a lookup of nothing
    lookups: { film: [] } # RULE_TEST
    change: { insert: t, row: {} }
    expect: nothing
rules: {}`,
  'what this version does not execute yet, beside what is wrong in it': `
trees:
  work:
    top: { table: t }
rules:
  a:
    key: a:\${id}
    tree: work # RULE_NOT_YET
    watch: { self: , ancestors: [data] } # RULE_NOT_YET RULE_NOT_YET
  b:
    key: b:\${id}
    replicas: true # RULE_NOT_YET
    watch: { t: { lookup: 'select 1 where a = \${x', do: delet } } # RULE_NOT_YET RULE_TEMPLATE_SYNTAX RULE_UNKNOWN_VALUE
  c:
    key: c:\${id}
    watch: { t: { do: patch } } # RULE_NOT_YET
    rebuild: { sql: 'select 1', store: hash, empty: kep } # RULE_NOT_YET RULE_UNKNOWN_VALUE`,
  'a tab in the indentation, and a mistake in another rule': `
rules:
  a:
    wach: t # RULE_UNKNOWN_FIELD
    key: a
    watch: t
  b:
    key: b
\twatch: t # RULE_YAML_TAB
  c:
    key: c
    watch: t`,
  'templates without quotes inside { }, and mistakes beside them': `
rules: { a: { key: country:\${code}, watch: t }, # RULE_UNQUOTED_TEMPLATE
  b: { key: b, wach: t, watch: t }, # RULE_UNKNOWN_FIELD
  c: { key: "x", watch: { t: { bind: { a: b } } } }, # RULE_UNKNOWN_PLACEHOLDER
  d: { key: x:\${date(at, 'UTC')}:\${y}, watch: t } } # RULE_UNQUOTED_TEMPLATE`,
  'templates without quotes that begin with *, { or [': `
rules:
  a:
    pattern: *:\${x} # RULE_UNQUOTED_TEMPLATE RULE_TEMPLATE_BEGINS_OPEN
    scan: accept
    watch: t
  b:
    key: {tag}:\${x} # RULE_UNQUOTED_TEMPLATE
    watch: t
  c:
    key: [a]:\${x} # RULE_UNQUOTED_TEMPLATE
    watch: t
  d:
    key: {tag} # RULE_UNQUOTED_TEMPLATE
    watch: t
  e:
    pattern: *:x # RULE_UNQUOTED_TEMPLATE RULE_TEMPLATE_BEGINS_OPEN
    scan: accept
    watch: t
  f:
    pattern: * # RULE_UNQUOTED_TEMPLATE
    watch: t`,
  'other texts that YAML cannot read': `
about: a: b # RULE_YAML
rules:
  a: { key: a, watch: t }`,
  'a key that is no text': `
rules:
  ? [a] # RULE_YAML
  : { key: a, watch: t }`,
  'a tag that nobody knows': `
rules:
  a: { key: !binary a, watch: t } # RULE_YAML`,
  'a second document': `
rules: { a: { key: a, watch: t } }
--- # RULE_YAML
edition: 1`,
  'aliases that lead into themselves': `
rules: &rules
  a: *rules # RULE_FILE_LIMIT`,
};

const whole = (yaml: string) => (/^edition:/m.test(yaml.split('---')[0] ?? '') ? yaml.slice(1) : `edition: 1${yaml}`);

function expected(yaml: string): string[] {
  return yaml.split('\n').flatMap((line, index) => {
    const codes = / # ((?:RULE_\w+ ?)+)$/.exec(line)?.[1] ?? '';
    return codes.split(' ').flatMap((code) => (code === '' ? [] : `${index + 1} ${code}`));
  });
}

describe('a wrong rule file is refused with every mistake on its line', () => {
  for (const [title, snippet] of Object.entries(WRONG)) {
    it(title, () => {
      const yaml = whole(snippet);
      const { findings, ruleSet } = loadRules([{ path: 'a.yaml', text: yaml }]);
      const found = findings.map(({ place, code }) => `${place?.line} ${code}`);
      expect(found.toSorted()).toEqual(expected(yaml).toSorted());
      expect(ruleSet === undefined).toBe(findings.some(({ severity }) => severity === 'error'));
      for (const { place, source, hint, message } of findings) {
        expect(source).toBe(yaml.split('\n')[(place?.line ?? 0) - 1]?.slice(0, 300));
        expect(place?.column).toBeLessThanOrEqual((yaml.split('\n')[(place?.line ?? 0) - 1] ?? '').length + 1);
        expect(hint).not.toBe('');
        expect(message).not.toBe('');
      }
    });
  }

  it('covers every code of the catalogue', () => {
    const covered = Object.values(WRONG).join('\n');
    const codes = Object.keys(rulesErrors).filter((code) => !new RegExp(`# .*\\b${code}\\b`).test(covered));
    // RULES_INVALID sums up findings on the command line; the other is tested below, across files.
    expect(codes).toEqual(['RULES_INVALID', 'RULE_DUPLICATE_NAME']);
  });
});

const load = (text: string) => loadRules([{ path: 'a.yaml', text }]);

describe('mistakes point at the character and name what was meant', () => {
  const rule = (fields: string) => load(`edition: 1\nrules:\n  a: { watch: t, ${fields} }\n`).findings[0];

  it('names the nearest field, value, function, zone and placeholder', () => {
    expect(rule("key: a, tll: '5m'")?.hint).toContain('`ttl`');
    expect(rule('key: a, fence: onn')?.hint).toContain('`on`');
    expect(rule("key: 'a:${urlencod(b)}'")?.hint).toContain('`urlencode`');
    expect(rule(`key: "a:\${date(b, 'Europe/Belin')}"`)?.message).toContain("'Europe/Berlin'");
    expect(
      load('edition: 1\nrules:\n  a: { key: "a:${user}", watch: { t: { bind: { usr: b } } } }').findings[0]?.hint,
    ).toContain('`user`');
  });

  it('says which unit was meant', () => {
    expect(rule('key: a, ttl: 300')?.hint).toContain('300s');
    expect(rule('key: a, ttl: 5 minutes')?.hint).toBe('write 5m');
  });

  it('gives the column inside a template, quoted or not', () => {
    const plain = load('edition: 1\nrules:\n  a:\n    key: user:${idd(x)}\n    watch: t\n').findings[0];
    expect(plain?.place).toEqual({ file: 'a.yaml', line: 4, column: 15 });
    const quoted = load('edition: 1\nrules:\n  a:\n    key: "user:${idd(x)}"\n    watch: t\n').findings[0];
    expect(quoted?.place?.column).toBe(16);
    const folded = load('edition: 1\nrules:\n  a:\n    key: >-\n      user:\n      ${idd(x)}\n    watch: t\n')
      .findings[0];
    expect(folded?.place?.line).toBe(4);
  });

  it('counts lines right with Windows line ends, and leaves the carriage return out of the line', () => {
    const finding = load('edition: 1\r\nrules:\r\n  a:\r\n    key: a\r\n    wach: t\r\n    watch: t\r\n').findings[0];
    expect(finding?.place).toEqual({ file: 'a.yaml', line: 5, column: 5 });
    expect(finding?.source).toBe('    wach: t');
  });

  it('tells where the other rule of the same name is', () => {
    const text = 'edition: 1\nrules:\n  card: { key: a, watch: t }\n';
    const { findings, ruleSet } = loadRules([
      { path: 'b.yaml', text },
      { path: 'a.yaml', text },
    ]);
    expect(ruleSet).toBeUndefined();
    expect(findings).toMatchObject([{ code: 'RULE_DUPLICATE_NAME', place: { file: 'b.yaml', line: 3, column: 3 } }]);
    expect(findings[0]?.message).toContain('a.yaml:3:3');
  });

  it('reports the mistakes of all files, and uses none of them', () => {
    const { findings, ruleSet } = loadRules([
      { path: 'b.yaml', text: 'edition: 1\nrules: { a: { key: a, watch: t, ttl: 3 } }' },
      { path: 'c.yaml', text: 'edition: 1\nrules: { c: { key: c, watch: t } }' },
      { path: 'a.yaml', text: 'edition: 1\nrules: { b: { kye: a, watch: t } }' },
    ]);
    expect(ruleSet).toBeUndefined();
    expect(findings.map(({ place, code }) => `${place?.file} ${code}`)).toEqual([
      'a.yaml RULE_TARGET',
      'a.yaml RULE_UNKNOWN_FIELD',
      'b.yaml RULE_DURATION',
    ]);
  });
});

describe('files that would cost too much', () => {
  const codes = (text: string) => load(text).findings.map(({ code }) => code);

  it('refuses more than 1 MB without reading it', () => {
    expect(codes(`edition: 1\n#${'x'.repeat(1024 * 1024)}`)).toEqual(['RULE_FILE_LIMIT']);
  });

  it.each(['[', '{a: ', '- ', '? '])('refuses endless nesting of %j at once', (opening) => {
    const started = performance.now();
    expect(codes(opening.repeat(100_000))).toEqual(['RULE_FILE_LIMIT']);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('refuses aliases that grow into billions of values', () => {
    const lines = Array.from(
      { length: 10 },
      (_, i) => `  a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(', ')}]`,
    );
    const started = performance.now();
    expect(codes(`edition: 1\nabout: &a0 x\nrules:\n${lines.join('\n')}\n`)).toContain('RULE_FILE_LIMIT');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('takes aliases that stay small', () => {
    const { ruleSet } = load('edition: 1\nrules:\n  a: { key: a, watch: { t: &case { columns: [x] }, u: *case } }\n');
    expect(ruleSet?.rules[0]?.watches.map(({ table, columns }) => [table, columns])).toEqual([
      ['public.t', ['x']],
      ['public.u', ['x']],
    ]);
  });

  it('survives any text', () => {
    for (const text of [
      '',
      '\0',
      'a',
      '[]',
      '- 1',
      '"',
      '%YAML 9',
      '\ufeffedition: 1',
      '!!x',
      '*',
      '&',
      '${',
      '---',
      '{{{}',
    ]) {
      expect(() => load(text)).not.toThrow();
      expect(load(text).ruleSet).toBeUndefined();
    }
  });
});
