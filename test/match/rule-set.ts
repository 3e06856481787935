import type { Change, Operation, Relation, Row, Value } from '../../src/core/change.ts';
import { OPERATIONS } from '../../src/core/change.ts';
import type { ColumnTest, Family, Part, Rule, RuleSet, Template, Watch } from '../../src/rules/compiled.ts';

const PLACE = { file: 'rules.yaml', line: 1, column: 1 };

export interface CaseSpec {
  readonly ops?: readonly Operation[];
  readonly columns?: readonly string[];
  readonly ignore?: readonly string[];
  readonly where?: readonly ColumnTest[];
  readonly becomes?: readonly ColumnTest[];
  /** Placeholders filled by columns of other names. */
  readonly bind?: Readonly<Record<string, readonly string[]>>;
}

export interface RuleSpec {
  readonly name: string;
  readonly family?: Family;
  readonly templates: readonly string[];
  readonly ttlMs?: number;
  readonly againAfterMs?: number;
  /** Table in `public` to its cases. */
  readonly watch: Readonly<Record<string, CaseSpec | readonly CaseSpec[]>>;
}

/** A rule set as the compiler would give it, without files. */
export function ruleSetOf(...specs: readonly RuleSpec[]): RuleSet {
  const rules = specs.map(ruleOf);
  const byTable = new Map<string, Watch[]>();
  for (const watch of rules.flatMap((rule) => rule.watches))
    byTable.set(watch.table, [...(byTable.get(watch.table) ?? []), watch]);
  return { rules, byTable, tests: [], hash: 'test' };
}

function ruleOf({ name, family = 'key', templates, watch, ...rest }: RuleSpec): Rule {
  const watches: Watch[] = [];
  const parsed = templates.map(templateOf);
  const rule: Rule = {
    ...rest,
    name,
    place: PLACE,
    family,
    templates: parsed,
    watches,
    replicas: false,
    fence: true,
  };
  for (const [table, cases] of Object.entries(watch)) {
    for (const one of [cases].flat()) watches.push(watchOf(rule, `public.${table}`, one));
  }
  return rule;
}

function watchOf(rule: Rule, table: string, { ops, where = [], becomes = [], bind = {}, ...rest }: CaseSpec): Watch {
  const placeholders = new Set(rule.templates.flatMap((template) => template.placeholders));
  return {
    ...rest,
    rule,
    table,
    place: PLACE,
    ops: new Set(ops ?? OPERATIONS),
    where,
    becomes,
    bind: new Map([...placeholders].map((name) => [name, (Object.hasOwn(bind, name) && bind[name]) || [name]])),
  };
}

/** Literals and `${name}` only. */
export function templateOf(source: string): Template {
  const parts = source
    .split(/(\$\{\w+\})/)
    .filter((text) => text !== '')
    .map((text): Part => {
      const name = /^\$\{(\w+)\}$/.exec(text)?.[1];
      if (name === undefined) return { kind: 'literal', text };
      return { kind: 'expression', source: text, arguments: [{ kind: 'placeholder', name }] };
    });
  const names = parts.flatMap((part) => (part.kind === 'expression' ? part.arguments : []));
  const placeholders = [...new Set(names.flatMap((one) => (one.kind === 'placeholder' ? [one.name] : [])))];
  return { source, parts, placeholders };
}

/** Holds for these values. */
export function is(column: string, ...values: readonly (string | null)[]): ColumnTest {
  return { column, values, not: false };
}

export function isNot(column: string, ...values: readonly (string | null)[]): ColumnTest {
  return { column, values, not: true };
}

/** `public.<name>`; the columns in `key` are the replica identity (with `full`: all). */
export function relationOf(
  name: string,
  columns: readonly string[],
  { identity = 'full', key = ['id'] }: { identity?: Relation['identity']; key?: readonly string[] } = {},
): Relation {
  return {
    oid: 16_384,
    schema: 'public',
    name,
    table: `public.${name}`,
    identity,
    columns: columns.map((column) => ({ name: column, type: 25, key: identity === 'full' || key.includes(column) })),
  };
}

/** A row by position of the relation's columns. */
export function row(...values: readonly Value[]): Row {
  return { at: (index) => values[index] };
}

export function insert(relation: Relation, after: Row): Change {
  return { op: 'insert', relation, after };
}

/** `before` absent: the old row was not sent. */
export function update(relation: Relation, { before, after }: { before?: Row; after: Row }): Change {
  return { op: 'update', relation, before, after };
}

export function remove(relation: Relation, before: Row): Change {
  return { op: 'delete', relation, before };
}

export function truncate(relation: Relation): Change {
  return { op: 'truncate', relation };
}
