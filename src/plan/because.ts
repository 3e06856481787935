import { type Change, newValue, oldValue, type Value } from '../core/change.ts';
import { MISSING, type ResolvedWatch, type Trace, type Verdict } from '../match/index.ts';
import type { ColumnTest, Rule } from '../rules/compiled.ts';
import type { Expanded } from '../rules/template.ts';
import type { Image } from './fill.ts';

const IMAGES: Readonly<Record<Image, string>> = {
  old: ': old row',
  new: ': new row',
  both: ': old and new row',
  none: '',
};

/** Why a key is touched: `update of public.projects changed owner_id: old row`. */
export function countsBecause(change: Change, trace: Trace, image: Image): string {
  return `${describe(change, trace)}${IMAGES[image]}`;
}

/** Why a pattern is touched though the rule has keys: `widened: owner_id was not sent`. */
export function widenedBecause(widened: Expanded['widened'], about: About): string {
  if (about.change.op === 'truncate') return 'widened: a truncate does not say which rows there were';
  const reasons = widened.map(({ reason, placeholder }) => {
    if (reason === 'function') return `a template function cannot use the value of ${placeholder}`;
    if (reason === 'limit') return `the keys of ${placeholder} are too long or too many`;
    return unsentBecause(placeholder, about);
  });
  return `widened: ${unique(reasons).join(', ')}`;
}

interface About {
  readonly change: Change;
  readonly resolved: ResolvedWatch;
  readonly image: Image;
}

function unsentBecause(placeholder: string, { change, resolved, image }: About): string {
  const columns = resolved.watch.bind.get(placeholder) ?? [];
  const positions = resolved.fills.get(placeholder) ?? [];
  const lacking = columns.filter((_, i) => positions[i] === MISSING);
  if (lacking.length > 0) return `rows of ${change.relation.table} come without ${lacking.join(', ')}`;
  const unsent = columns.filter((_, i) => valueAt(change, positions[i], image) === undefined);
  return `${unsent.join(', ')} was not sent`;
}

/** Why a rule that counts the change has no key for it. */
export function noKeyBecause(change: Change, resolved: ResolvedWatch): string {
  const nulls = resolved.filling.filter(
    (position) => valueAt(change, position, 'new') === null || valueAt(change, position, 'old') === null,
  );
  const columns = nulls.map((position) => resolved.relation.columns[position]?.name);
  if (columns.length === 0) return `counts the ${change.op}, but its template gives no key for these values`;
  return `counts the ${change.op}, but ${columns.join(', ')} is null, so there is no key`;
}

function valueAt(change: Change, position: number | undefined, image: Image): Value {
  if (position === undefined || position === MISSING) return undefined;
  return image === 'old' ? oldValue(change, position) : newValue(change, position);
}

/** Why a rule that watches the table passes the change by. */
export function passedBecause(verdict: Exclude<Verdict, 'counts'>, { watch }: ResolvedWatch, change: Change): string {
  switch (verdict) {
    case 'other-operation':
      return `counts only ${[...watch.ops].join(', ')}, and this is ${article(change.op)}`;
    case 'columns-unchanged':
      return `only columns ${watch.columns?.join(', ')}${keyColumns(watch)} count and none of them changed`;
    case 'only-ignored-changed':
      return `nothing changed but what it ignores: ${watch.ignore?.join(', ')}`;
    case 'where-held-by-neither':
      return `where ${testsText(watch.where)} held for ${change.op === 'update' ? 'neither row' : 'no row'}`;
    case 'did-not-become': {
      const why = change.op === 'insert' || change.op === 'update' ? '' : `: ${article(change.op)} has no new row`;
      return `the row did not become ${testsText(watch.becomes)}${why}`;
    }
  }
}

/** Why a rule has nothing to do with the change at all. */
export function elsewhereBecause(rule: Rule): string {
  return `watches other tables: ${unique(rule.watches.map((watch) => watch.table)).join(', ')}`;
}

function describe({ op, relation }: Change, { changed, maybe }: Trace): string {
  const what = `${op} of ${relation.table}`;
  if (changed.size > 0) return `${what} changed ${[...changed].join(', ')}`;
  if (maybe.size > 0) return `${what} may have changed ${[...maybe].join(', ')} (the old value was not sent)`;
  return what;
}

function keyColumns({ columns, bind }: ResolvedWatch['watch']): string {
  const others = unique([...bind.values()].flat()).filter((column) => !columns?.includes(column));
  return others.length === 0 ? '' : ` (and ${others.join(', ')}, which the key is made of)`;
}

/** `status = active and city is not null`, as an author would say it. */
function testsText(tests: readonly ColumnTest[]): string {
  return tests.map(testText).join(' and ');
}

function testText({ column, values, not }: ColumnTest): string {
  const texts = values.map((value) => value ?? 'null');
  if (texts.length === 1) return `${column} ${not ? '!=' : '='} ${texts[0]}`;
  return `${column} ${not ? 'not in' : 'in'} (${texts.join(', ')})`;
}

function article(op: string): string {
  return /^[aeiou]/.test(op) ? `an ${op}` : `a ${op}`;
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
