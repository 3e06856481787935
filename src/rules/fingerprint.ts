import { createHash } from 'node:crypto';
import type { Rule, Template, Watch } from './compiled.ts';

/**
 * A hash of what rules do. Order of files, of rules and of cases, comments, descriptions and spaces do not count.
 * 64 bits are plenty to tell the rule sets of one deployment apart.
 */
export function fingerprint(rules: readonly Rule[]): string {
  const text = sorted(rules.map(ruleText)).join('\n');
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 16);
}

function ruleText(rule: Rule): string {
  const { name, family, ttlMs, jitter, compressBytes, replicas, againAfterMs, fence } = rule;
  const options = { ttlMs, jitter, compressBytes, replicas, againAfterMs, fence };
  const watches = sorted(rule.watches.map(watchText));
  return JSON.stringify([name, family, sorted(rule.templates.map(templateText)), options, watches]);
}

function templateText({ parts }: Template): string {
  return JSON.stringify(
    parts.map((part) =>
      part.kind === 'literal' ? part.text : { call: part.function?.name ?? '', with: part.arguments },
    ),
  );
}

function watchText({ table, ops, columns, ignore, where, becomes, bind }: Watch): string {
  const tests = [where, becomes].map((list) =>
    sorted(list.map(({ column, values, not }) => JSON.stringify([column, sorted(values), not]))),
  );
  const bound = sorted([...bind].map(([placeholder, list]) => JSON.stringify([placeholder, sorted(list)])));
  return JSON.stringify([table, sorted([...ops]), columns && sorted(columns), ignore && sorted(ignore), tests, bound]);
}

/** By code unit, null first: the same on every machine. */
function sorted<T extends string | null>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => (a === b ? 0 : a === null || (b !== null && a < b) ? -1 : 1));
}
