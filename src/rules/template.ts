import type { Value } from '../core/change.ts';
import type { Expression, Template } from './compiled.ts';
import { MOST_KEYS, TooManyKeys } from './functions/limit.ts';
import { globEscape } from './glob.ts';

/** Why a placeholder became "any": Postgres did not send its value, its function failed, or it gave too many keys. */
export type WidenReason = 'unsent' | 'function' | 'limit';

export interface Widened {
  readonly reason: WidenReason;
  readonly placeholder: string;
}

/** What a template comes to for one row image. All three are sets. */
export interface Expanded {
  readonly keys: readonly string[];
  /** Glob patterns: where something was widened, and all results of a rule of the `pattern` family. */
  readonly patterns: readonly string[];
  readonly widened: readonly Widened[];
}

/** The values of a placeholder, one for each column that is bound to it. */
export type Values = (placeholder: string) => readonly Value[];

export type Fill = (values: Values) => Expanded;

export interface FillOptions {
  /** The template's own text is a glob pattern (family `pattern`). Values are escaped in any case. */
  readonly pattern?: boolean | undefined;
}

const NONE: readonly never[] = [];
const NOTHING: Expanded = { keys: NONE, patterns: NONE, widened: NONE };

/** `compileTemplate` for one use. A placeholder that the map does not have counts as not sent. */
export function expand(
  template: Template,
  values: ReadonlyMap<string, readonly Value[]> | Values,
  options: FillOptions = {},
): Expanded {
  const lookup = typeof values === 'function' ? values : (name: string) => values.get(name) ?? [undefined];
  return compileTemplate(template, options)(lookup);
}

/**
 * Makes the function that fills a template with the values of one row image:
 * - a null gives no key, though with several columns bound to a placeholder only its own one;
 * - what was not sent (`undefined`) or cannot be computed becomes `*` in a pattern whose other values are escaped;
 * - several columns, and functions that give several texts, multiply, up to MOST_KEYS; beyond that the widest is widened;
 * - a placeholder, or an expression, that stands in two places has the same value in both.
 * It runs for every change: where every value is there and single it does little more than join texts.
 */
export function compileTemplate(template: Template, options: FillOptions = {}): Fill {
  const form = formOf(template, options.pattern === true);
  return (values) => fillSingle(form, values) ?? fillAll(form, values);
}

/** A template prepared: expressions that are equal are one slot, placeholders are numbers. */
interface Form {
  readonly placeholders: readonly string[];
  readonly slots: readonly Slot[];
  /** Texts, and numbers of slots. */
  readonly pieces: readonly (string | number)[];
  /** The same as glob patterns. */
  readonly globs: readonly (string | number)[];
  readonly isPattern: boolean;
}

interface Slot {
  readonly apply?: ((...values: readonly string[]) => string | readonly string[] | null) | undefined;
  /** Constants, and numbers of placeholders. */
  readonly arguments: readonly (string | number)[];
  /** What to blame when the slot is widened. */
  readonly placeholder: string;
}

function formOf(template: Template, isPattern: boolean): Form {
  const { placeholders } = template;
  const numbers = new Map<string, number>();
  const slots: Slot[] = [];
  const pieces = template.parts.map((part) => {
    if (part.kind === 'literal') return part.text;
    const id = JSON.stringify([part.function?.name, part.arguments]);
    const number = numbers.get(id) ?? slots.push(slotOf(part, placeholders)) - 1;
    numbers.set(id, number);
    return number;
  });
  const globs = pieces.map((piece) => (typeof piece === 'string' && !isPattern ? globEscape(piece) : piece));
  return { placeholders, slots, pieces, globs, isPattern };
}

function slotOf(expression: Expression, placeholders: readonly string[]): Slot {
  const called = expression.function;
  const names = expression.arguments.flatMap((one) => (one.kind === 'placeholder' ? one.name : []));
  return {
    apply: called && ((...values) => called.apply(...values)),
    arguments: expression.arguments.map((one) =>
      one.kind === 'constant' ? one.value : placeholders.indexOf(one.name),
    ),
    placeholder: names[0] ?? expression.source,
  };
}

/** The common case: each placeholder has one value, each function gives one text. Otherwise undefined. */
function fillSingle(form: Form, values: Values): Expanded | undefined {
  const found: string[] = [];
  for (const placeholder of form.placeholders) {
    const list = values(placeholder);
    const value = list.length === 1 ? list[0] : undefined;
    if (typeof value !== 'string') return value === null ? NOTHING : undefined;
    found.push(value);
  }
  let text = '';
  for (const piece of form.isPattern ? form.globs : form.pieces) {
    const filled = typeof piece === 'string' ? piece : slotText(form.slots[piece], found);
    if (filled === undefined) return undefined;
    text += form.isPattern && typeof piece === 'number' ? globEscape(filled) : filled;
  }
  return form.isPattern
    ? { keys: NONE, patterns: [text], widened: NONE }
    : { keys: [text], patterns: NONE, widened: NONE };
}

function slotText(slot: Slot | undefined, found: readonly string[]): string | undefined {
  if (!slot) return undefined;
  const result = slot.apply ? evaluate(slot, found) : found[Number(slot.arguments[0])];
  return typeof result === 'string' ? result : undefined;
}

/** What a slot comes to: one text, several, none (null), or anything, for a reason. */
type Filled = string | readonly string[] | null | Widened;

function evaluate(slot: Slot, assigned: readonly (Value | Widened)[]): Filled {
  const values: string[] = [];
  let widened: Widened | undefined;
  for (const argument of slot.arguments) {
    const value = typeof argument === 'string' ? argument : assigned[argument];
    if (value === null) return null;
    if (value === undefined) return { reason: 'unsent', placeholder: slot.placeholder };
    if (typeof value === 'string') values.push(value);
    else widened ??= value;
  }
  if (widened) return widened;
  if (!slot.apply) return values[0] ?? null;
  try {
    return slot.apply(...values);
  } catch (error) {
    return { reason: error instanceof TooManyKeys ? 'limit' : 'function', placeholder: slot.placeholder };
  }
}

/** The general case: every combination of the placeholders' values. */
function fillAll(form: Form, values: Values): Expanded {
  const candidates = form.placeholders.map((placeholder) => candidatesOf(placeholder, values(placeholder)));
  if (candidates.some((list) => list.length === 0)) return NOTHING;
  const assignments = product(limited(candidates, form.placeholders, MOST_KEYS));
  const out: Out = { keys: new Set(), patterns: new Set(), widened: new Map() };
  const share = Math.max(1, Math.floor(MOST_KEYS / assignments.length));
  for (const assigned of assignments) fillAssignment(form, assigned, { out, share });
  return { keys: [...out.keys], patterns: [...out.patterns], widened: [...out.widened.values()] };
}

type Choices = readonly (string | Widened)[];

interface Out {
  readonly keys: Set<string>;
  readonly patterns: Set<string>;
  readonly widened: Map<string, Widened>;
}

function candidatesOf(placeholder: string, values: readonly Value[]): Choices {
  const unique = new Set(values.filter((value) => value !== null));
  return [...unique].map((value) => value ?? { reason: 'unsent', placeholder });
}

function fillAssignment(form: Form, assigned: Choices, { out, share }: { out: Out; share: number }): void {
  const filled = form.slots.map((slot) => evaluate(slot, assigned));
  const texts = filled.map((one): Choices => {
    if (one === null) return NONE;
    return typeof one === 'string' || !isList(one) ? [one] : one;
  });
  if (texts.some((list) => list.length === 0)) return;
  const blame = form.slots.map((slot) => slot.placeholder);
  const within = limited(texts, blame, share);
  for (const choice of product(within)) emit(form, choice, out);
}

const isList = (filled: Exclude<Filled, string | null>): filled is readonly string[] => Array.isArray(filled);

/** Lists whose product is within the limit: the longest ones give way to a single "any". */
function limited(lists: readonly Choices[], blame: readonly string[], most: number): readonly Choices[] {
  const kept = [...lists];
  while (kept.reduce((size, list) => size * list.length, 1) > most) {
    const longest = kept.reduce((best, list, index) => (list.length > (kept[best]?.length ?? 0) ? index : best), 0);
    kept[longest] = [{ reason: 'limit', placeholder: blame[longest] ?? '' }];
  }
  return kept;
}

function product(lists: readonly Choices[]): readonly Choices[] {
  return lists.reduce<readonly Choices[]>(
    (rows, list) => rows.flatMap((row) => list.map((item) => [...row, item])),
    [[]],
  );
}

function emit(form: Form, choice: Choices, out: Out): void {
  const open = choice.filter((one) => typeof one !== 'string');
  for (const one of open) out.widened.set(`${one.reason} ${one.placeholder}`, one);
  const asGlob = form.isPattern || open.length > 0;
  let text = '';
  let lastWasHole = false;
  for (const piece of asGlob ? form.globs : form.pieces) {
    const filled = typeof piece === 'string' ? piece : (choice[piece] ?? '');
    const isHole = typeof filled !== 'string';
    if (!isHole) text += asGlob && typeof piece === 'number' ? globEscape(filled) : filled;
    else if (!lastWasHole) text += '*';
    lastWasHole = isHole || (lastWasHole && filled === '');
  }
  (asGlob ? out.patterns : out.keys).add(text);
}
