import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change, Operation, Relation, Row, Transaction, Value } from '../../src/core/change.ts';
import type { Plan } from '../../src/core/plan.ts';
import { createMatcher } from '../../src/match/index.ts';
import { createPlanner, createPlanning } from '../../src/plan/index.ts';
import type { ColumnTest, Family } from '../../src/rules/compiled.ts';
import { compileGlob } from '../../src/rules/glob.ts';
import { type CaseSpec, type RuleSpec, relationOf, ruleSetOf } from '../match/rule-set.ts';

const COLUMNS = ['id', 'a', 'b', 'c', 'd'] as const;
type ColumnName = (typeof COLUMNS)[number];
type Known = Readonly<Record<ColumnName, string | null>>;

/** A change of which everything is known. */
interface Story {
  readonly op: Operation;
  readonly was?: Known | undefined;
  readonly is?: Known | undefined;
}

const value = fc.constantFrom<string | null>('1', '2', '*', 'x:y', '[a]?\\', '', null);
const knownRow: fc.Arbitrary<Known> = fc.record({ id: value, a: value, b: value, c: value, d: value });
const column = fc.constantFrom(...COLUMNS);
const columns = fc.uniqueArray(column, { minLength: 1, maxLength: 3 });
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined, freq: 2 });

const tests: fc.Arbitrary<readonly ColumnTest[]> = fc.array(
  fc.record({ column, values: fc.uniqueArray(value, { minLength: 1, maxLength: 3 }), not: fc.boolean() }),
  { maxLength: 2 },
);
const bind = fc.record({ p: columns, q: columns });

const story: fc.Arbitrary<Story> = fc
  .tuple(
    fc.constantFrom<Operation>('insert', 'update', 'update', 'update', 'delete', 'truncate'),
    knownRow,
    knownRow,
    fc.subarray([...COLUMNS]),
  )
  .map(([op, was, other, changing]) => {
    const changed = Object.fromEntries(changing.map((name) => [name, other[name]]));
    const now = op === 'update' ? { ...was, ...changed } : other;
    return {
      op,
      was: op === 'update' || op === 'delete' ? was : undefined,
      is: op === 'update' || op === 'insert' ? now : undefined,
    };
  });

const caseSpec: fc.Arbitrary<CaseSpec> = fc
  .record({
    ops: maybe(fc.subarray<Operation>(['insert', 'update', 'delete', 'truncate'], { minLength: 1 })),
    columns: maybe(columns),
    ignore: maybe(columns),
    where: tests,
    becomes: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: tests }),
    bind,
  })
  .map(({ ops, columns: some, ignore, ...rest }) => ({
    ...rest,
    ...(ops && { ops }),
    ...(some && { columns: some }),
    ...(ignore && { ignore }),
  }));

const TEMPLATE: Readonly<Record<Family, string>> = {
  key: 'key:${p}:of:${q}',
  index: 'index:${q}',
  version: 'version:${p}',
  pattern: 'pattern:${p}:*:${q}',
};
const rule: fc.Arbitrary<RuleSpec> = fc
  .record({
    family: fc.constantFrom<Family>('key', 'key', 'index', 'version', 'pattern'),
    cases: fc.array(caseSpec, { minLength: 1, maxLength: 3 }),
  })
  .map(({ family, cases }) => ({ name: family, family, templates: [TEMPLATE[family]], watch: { items: cases } }));

const FULL = relationOf('items', COLUMNS);
const rowOf = (relation: Relation, values: Readonly<Partial<Record<string, Value>>>): Row => ({
  at: (index) => values[relation.columns[index]?.name ?? ''],
});

/** As identity full sends it. */
function asSent({ op, was, is }: Story): Change {
  return { op, relation: FULL, before: was && rowOf(FULL, was), after: is && rowOf(FULL, is) };
}

let lsn = 0n;
function transaction(...changes: readonly Change[]): Transaction {
  lsn += 1n;
  return { xid: 1, commitLsn: lsn, committedAtMs: 0, changes, marks: [], last: true, bytes: 0 };
}

const planOf = (rules: readonly RuleSpec[], ...changes: readonly Change[]): Plan =>
  createPlanning(ruleSetOf(...rules)).plan([transaction(...changes)]).plan;

function touched({ steps }: Plan): readonly string[] {
  return [...new Set(steps.flatMap(({ verb, keys }) => keys.map((key) => `${verb} ${key}`)))].toSorted();
}

/** The contract told again in the plainest way, for changes of which everything is known. */
const oracle = {
  passes: (list: readonly ColumnTest[], row: Known) =>
    list.every((test) => test.values.includes(row[test.column as ColumnName]) !== test.not),

  counts(spec: CaseSpec, family: Family, { op, was, is }: Story): boolean {
    if (spec.ops && !spec.ops.includes(op)) return false;
    if (op === 'update' && was && is) {
      const changed = COLUMNS.filter((name) => was[name] !== is[name]);
      const filling = Object.entries(spec.bind ?? {}).flatMap(([placeholder, names]) =>
        TEMPLATE[family].includes(`{${placeholder}}`) ? names : [],
      );
      if (spec.columns && !changed.some((name) => spec.columns?.includes(name) || filling.includes(name))) return false;
      if (spec.ignore && !changed.some((name) => !spec.ignore?.includes(name) || filling.includes(name))) return false;
    }
    const { where = [], becomes = [] } = spec;
    if (op !== 'truncate' && ![was, is].some((row) => row && oracle.passes(where, row))) return false;
    return (
      becomes.length === 0 || (is !== undefined && oracle.passes(becomes, is) && !(was && oracle.passes(becomes, was)))
    );
  },

  keys({ bind: bound = {} }: CaseSpec, family: Family, row: Known | undefined): readonly string[] {
    const of = (placeholder: string) => (bound[placeholder] ?? []).map((name) => row?.[name as ColumnName]);
    const verb = { key: 'delete', index: 'clear', version: 'bump', pattern: 'scan' }[family];
    const escaped = (text: string) => text.replace(/[\\*?[\]]/g, (sign) => `\\${sign}`);
    const [ps, qs] = row ? [of('p'), of('q')] : [['ANY'], ['ANY']];
    const pairs = family === 'index' ? qs.map((q) => ['', q]) : family === 'version' ? ps.map((p) => [p, '']) : null;
    return (pairs ?? ps.flatMap((p) => qs.map((q) => [p, q]))).flatMap(([p, q]) => {
      if (p === null || q === null || p === undefined || q === undefined) return [];
      const text = (one: string) => (family === 'pattern' ? escaped(one) : one);
      const key = TEMPLATE[family]
        .replace('${p}', () => (row ? text(p) : '*'))
        .replace('${q}', () => (row ? text(q) : '*'));
      return [`${row ? verb : 'scan'} ${key}`];
    });
  },

  touched({ family = 'key', watch }: RuleSpec, told: Story): readonly string[] {
    const cases = [watch.items ?? []].flat().filter((spec) => oracle.counts(spec, family, told));
    const rows = told.op === 'truncate' ? [undefined] : [told.was, told.is].filter((row) => row !== undefined);
    return [...new Set(cases.flatMap((spec) => rows.flatMap((row) => oracle.keys(spec, family, row))))].toSorted();
  },
};

/** What may be hidden of a change, as Postgres hides it. */
const hiding = fc.record({
  /** The replica identity; all columns are sent with `full`. */
  identity: fc.oneof(fc.constant('full' as const), fc.subarray([...COLUMNS])),
  /** Large values: not sent in an update that leaves them alone. */
  toasted: fc.subarray([...COLUMNS]),
  /** Columns left out by a column list, or dropped. */
  absent: fc.subarray([...COLUMNS]),
});
type Hiding = typeof hiding extends fc.Arbitrary<infer T> ? T : never;

function asHidden({ op, was, is }: Story, { identity, toasted, absent }: Hiding): Change {
  const key: readonly string[] = identity === 'full' ? COLUMNS : identity;
  const relation = relationOf(
    'items',
    COLUMNS.filter((name) => !absent.includes(name)),
    identity === 'full' ? {} : { identity: 'index', key },
  );
  const keyChanged = was && is && key.some((name) => was[name as ColumnName] !== is[name as ColumnName]);
  const sendsOld = op === 'delete' || identity === 'full' || keyChanged;
  const pick = (row: Known, hidden: (name: ColumnName) => boolean) =>
    rowOf(relation, Object.fromEntries(COLUMNS.map((name) => [name, hidden(name) ? undefined : row[name]])));
  const unchanged = (name: ColumnName) => op === 'update' && was?.[name] === is?.[name];
  return {
    op,
    relation,
    before: was && sendsOld ? pick(was, (name) => !key.includes(name)) : undefined,
    // What is part of an index is small, so it is never toasted away.
    after:
      is &&
      pick(is, (name) => unchanged(name) && toasted.includes(name) && (identity === 'full' || !key.includes(name))),
  };
}

/** Is everything that one plan touches touched by the other too, by name or by a pattern that does the same? */
function uncovered(plan: Plan, by: Plan): readonly string[] {
  const names = new Set(touched(by));
  const scans = by.steps.filter((step) => step.verb === 'scan');
  return plan.steps.flatMap(({ verb, found: then = verb, keys }) => {
    const matchers = scans.filter((step) => step.found === then).flatMap((step) => step.keys.map(compileGlob));
    // A pattern is covered if keys that it matches are.
    const sample = (key: string) =>
      verb === 'scan' ? key.replace(/\\(.)|\*/g, (_, sign: string | undefined) => sign ?? 'any:thing') : key;
    return keys.filter((key) => !names.has(`${verb} ${key}`) && !matchers.some((matches) => matches(sample(key))));
  });
}

const RUNS = { numRuns: 2000 };

describe('whatever the rules and the change', () => {
  it('touches exactly what the contract says if everything is known', () => {
    fc.assert(
      fc.property(rule, story, (spec, told) => {
        expect(touched(planOf([spec], asSent(told)))).toEqual(oracle.touched(spec, told));
      }),
      RUNS,
    );
  });

  it('touches the keys of both rows if a column that fills a placeholder changed, whatever `columns` and `ignore` say', () => {
    const spec = fc.record({ columns: maybe(columns), ignore: maybe(columns), p: column, q: column });
    fc.assert(
      fc.property(spec, story, ({ columns: some, ignore, p, q }, told) => {
        const { was, is } = told;
        fc.pre(was !== undefined && is !== undefined && (was[p] !== is[p] || was[q] !== is[q]));
        const watched: RuleSpec = {
          name: 'key',
          templates: [TEMPLATE.key],
          watch: { items: { ...(some && { columns: some }), ...(ignore && { ignore }), bind: { p: [p], q: [q] } } },
        };
        const keys = [was, is].flatMap((row) =>
          !row || row[p] === null || row[q] === null ? [] : [`delete key:${row[p]}:of:${row[q]}`],
        );
        expect(touched(planOf([watched], asSent(told)))).toEqual([...new Set(keys)].toSorted());
      }),
      RUNS,
    );
  });

  it('loses no key when less is known: it is touched by name or found by a pattern', () => {
    fc.assert(
      fc.property(rule, story, hiding, (spec, told, { absent, ...hidden }) => {
        // A relation does not tell that columns were left out, so with `ignore` that must not be; `check` refuses it.
        const ignores = [spec.watch.items ?? []].flat().some((one) => one.ignore);
        const change = asHidden(told, { ...hidden, absent: ignores ? [] : absent });
        expect(uncovered(planOf([spec], asSent(told)), planOf([spec], change))).toEqual([]);
      }),
      { numRuns: 5000 },
    );
  });

  it('plans a set: the order of transactions, changes, matches and rules makes no difference', () => {
    const rules = fc.array(rule, { minLength: 1, maxLength: 3 });
    const stories = fc.array(story, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(rules, stories, fc.infiniteStream(fc.nat(1000)), (specs, told, random) => {
        const named = specs.map((spec, i) => ({ ...spec, name: `${spec.family}-${i}` }));
        const ruleSet = ruleSetOf(...named);
        const matcher = createMatcher(ruleSet);
        const added = told
          .map((one) => transaction(asSent(one)))
          .flatMap((origin) =>
            origin.changes.flatMap((change) => matcher.match(change).map((match) => ({ origin, match }))),
          );
        const shuffled = added.map((one) => ({ one, by: random.next().value })).toSorted((a, b) => a.by - b.by);
        const [first, second] = [added, shuffled.map(({ one }) => one)].map((list) => {
          const planner = createPlanner(ruleSet);
          for (const { origin, match } of list) planner.add(origin, [match]);
          const { plan } = planner.finish();
          return plan.steps
            .flatMap(({ keys, causes, ...rest }) =>
              keys.map((key, i) => JSON.stringify([rest, key, plan.causes[causes[i] ?? -1]])),
            )
            .toSorted();
        });
        expect(second).toEqual(first);
        expect(new Set(first).size).toBe(first?.length);
      }),
      { numRuns: 500 },
    );
  });
});
