import { type Change, columnChanged, newValue, oldValue, type Value } from '../core/change.ts';
import { type Match, MISSING, type ResolvedWatch } from '../match/index.ts';
import type { Rule, Template } from '../rules/compiled.ts';
import { globEscape } from '../rules/glob.ts';
import { compileTemplate, type Expanded } from '../rules/template.ts';

/**
 * Which row filled the placeholders. `both`: an update that changed none of their columns, so the rows give the same keys.
 * `none`: a truncate has no row, so all placeholders are unknown.
 */
export type Image = 'old' | 'new' | 'both' | 'none';

/** Takes what one template gives for one row. */
export type Use = (expanded: Expanded, image: Image) => void;

/** Fills a rule's templates from the rows of a match. */
export type Fill = (match: Match, use: Use) => void;

/**
 * Characters of a key. Redis would take 512 MB, but such names would fill the queue, and hardly is one of them in a cache:
 * a longer key is searched for by its beginning, so that it is found all the same, and hardly any other is.
 */
export const LONGEST_KEY = 65_536;
const BEGINNING = 1_024;

const UNKNOWN: readonly Value[] = [undefined];
const allUnknown = (): readonly Value[] => UNKNOWN;
type Values = (placeholder: string) => readonly Value[];

/**
 * Compiles a rule's templates. Both rows of an update fill them, the old one only where a column that fills a placeholder
 * changed or may have changed: else it gives the same keys. A row that cannot be read counts as unknown.
 */
export function compileFill(rule: Rule): Fill {
  const expansions = rule.templates.map((template) => compileSafely(template, rule));
  const fillFrom = (image: Image, values: Values, use: Use) => {
    for (const expand of expansions) use(expand(values), image);
  };
  // The same for every row, and needed for every update of a table whose identity is too small: made once.
  let widest: readonly Expanded[] | undefined;
  const fillUnknown = (image: Image, use: Use) => {
    widest ??= expansions.map((expand) => expand(allUnknown));
    for (const expanded of widest) use(expanded, image);
  };
  const fillOld = (change: Change, resolved: ResolvedWatch, use: Use) => {
    if (isOldUnknown(change, resolved)) fillUnknown('old', use);
    else fillFrom('old', valuesOf(change, resolved, oldValue), use);
  };
  return ({ change, resolved }, use) => {
    if (change.op === 'truncate') fillUnknown('none', use);
    else if (change.op === 'delete') fillOld(change, resolved, use);
    else {
      const moves = change.op === 'update' && mayMove(change, resolved);
      const image = change.op === 'update' && !moves ? 'both' : 'new';
      fillFrom(image, valuesOf(change, resolved, newValue), use);
      if (moves) fillOld(change, resolved, use);
    }
  };
}

/** Was nothing of what fills the placeholders sent of the old row? */
function isOldUnknown(change: Change, { filling }: ResolvedWatch): boolean {
  if (change.before) return false;
  for (const position of filling) if (position !== MISSING && oldValue(change, position) !== undefined) return false;
  return true;
}

function valuesOf(
  change: Change,
  { fills }: ResolvedWatch,
  image: (change: Change, position: number) => Value,
): Values {
  return (placeholder) => {
    const positions = fills.get(placeholder);
    if (!positions) return UNKNOWN;
    return positions.map((position) => (position === MISSING ? undefined : image(change, position)));
  };
}

function mayMove(change: Change, { filling }: ResolvedWatch): boolean {
  try {
    for (const position of filling) if (position === MISSING || columnChanged(change, position) !== false) return true;
    return false;
  } catch {
    return true;
  }
}

/** Never throws and never gives a key that is too long: both are widened, with every placeholder unknown. */
function compileSafely(template: Template, rule: Rule): (values: Values) => Expanded {
  const expand = compileTemplate(template, { pattern: rule.family === 'pattern' });
  const widen = (reason: 'function' | 'limit', rest: Pick<Expanded, 'keys' | 'patterns'>): Expanded => {
    const wide = expand(allUnknown);
    return {
      keys: [...rest.keys, ...wide.keys],
      patterns: [...rest.patterns, ...wide.patterns],
      widened: [{ reason, placeholder: template.placeholders.join(', ') }],
    };
  };
  return (values) => {
    let expanded: Expanded;
    try {
      expanded = expand(values);
    } catch {
      return widen('function', { keys: [], patterns: [] });
    }
    if (template.placeholders.length === 0 || (fits(expanded.keys) && fits(expanded.patterns))) return expanded;
    if (!fits(expanded.patterns)) {
      return widen('limit', { keys: expanded.keys.filter(isShort), patterns: expanded.patterns.filter(isShort) });
    }
    const long = expanded.keys.filter((key) => !isShort(key)).map(beginningOf);
    return {
      keys: expanded.keys.filter(isShort),
      patterns: [...expanded.patterns, ...long],
      widened: [...expanded.widened, { reason: 'limit', placeholder: template.placeholders.join(', ') }],
    };
  };
}

function fits(keys: readonly string[]): boolean {
  for (const key of keys) if (!isShort(key)) return false;
  return true;
}

/** A pattern for keys that begin like this one. A pair of surrogates is not cut in two: half of it matches nothing. */
function beginningOf(key: string): string {
  return `${globEscape(key.slice(0, BEGINNING).replace(/[\uD800-\uDBFF]$/, ''))}*`;
}

function isShort(key: string): boolean {
  return key.length <= LONGEST_KEY;
}
