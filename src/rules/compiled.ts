import type { Operation } from '../core/change.ts';
import type { Place } from '../core/errors/index.ts';
import type { TemplateFunction } from './functions/define.ts';

/** What a rule's keys are: entries, sets whose members are keys, stamps, or glob patterns of entries. */
export type Family = 'key' | 'index' | 'version' | 'pattern';

/** All rule files of a deployment, validated and linked. Immutable; a reload makes a new one. */
export interface RuleSet {
  readonly rules: readonly Rule[];
  /** Watches by `schema.table`: how a change finds its rules, however many there are. */
  readonly byTable: ReadonlyMap<string, readonly Watch[]>;
  readonly tests: readonly RuleTest[];
  /** Same rules, same hash; order of files and comments do not count. */
  readonly hash: string;
}

export interface Rule {
  readonly name: string;
  readonly about?: string | undefined;
  readonly place: Place;
  readonly family: Family;
  readonly templates: readonly Template[];
  readonly watches: readonly Watch[];
  readonly ttlMs?: number | undefined;
  /** 0 to 1 */
  readonly jitter?: number | undefined;
  readonly compressBytes?: number | undefined;
  readonly replicas: boolean;
  readonly againAfterMs?: number | undefined;
  readonly fence: boolean;
}

/** One case of one table that a rule watches. */
export interface Watch {
  readonly rule: Rule;
  /** `schema.table` */
  readonly table: string;
  readonly place: Place;
  readonly ops: ReadonlySet<Operation>;
  /** Updates count only if one of these changed (or a column that fills a placeholder). */
  readonly columns?: readonly string[] | undefined;
  /** Updates that change nothing but these do not count. */
  readonly ignore?: readonly string[] | undefined;
  readonly where: readonly ColumnTest[];
  readonly becomes: readonly ColumnTest[];
  /** Placeholder to columns, for every placeholder of the rule's templates: bound ones and those of the column's own name. */
  readonly bind: ReadonlyMap<string, readonly string[]>;
}

/** Holds if the column's text (or null) is among the values; with `not`, if it is not. */
export interface ColumnTest {
  readonly column: string;
  readonly values: readonly (string | null)[];
  readonly not: boolean;
}

/** A key with holes, namespace included. */
export interface Template {
  readonly source: string;
  readonly parts: readonly Part[];
  /** Every placeholder in it, each once, in order. */
  readonly placeholders: readonly string[];
}

export type Part = Literal | Expression;

export interface Literal {
  readonly kind: 'literal';
  readonly text: string;
}

/** `${name}` (no function) or `${fn(argument, ...)}`. */
export interface Expression {
  readonly kind: 'expression';
  readonly source: string;
  readonly function?: TemplateFunction | undefined;
  readonly arguments: readonly (
    | { readonly kind: 'placeholder'; readonly name: string }
    | { readonly kind: 'constant'; readonly value: string }
  )[];
}

/** A rule file's own test. Rows hold text or null; a column that is absent from `row` is null. */
export interface RuleTest {
  readonly name: string;
  readonly place: Place;
  readonly given: ReadonlyMap<string, readonly TestRow[]>;
  readonly changes: readonly TestChange[];
  /** Verb to whole keys, exact. Empty: nothing is expected. */
  readonly expect: Partial<Record<'delete' | 'rebuild' | 'patch' | 'clear' | 'bump' | 'scan', readonly string[]>>;
}

export type TestRow = Readonly<Record<string, string | null>>;

export interface TestChange {
  readonly op: Operation;
  /** `schema.table` */
  readonly table: string;
  readonly row?: TestRow | undefined;
  /** The columns that differed before an update. Absent: the old row was not sent. */
  readonly was?: TestRow | undefined;
  readonly unsent: readonly string[];
}
