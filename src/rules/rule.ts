import { checkRebuild } from './check-rebuild.ts';
import { readTemplates } from './check-templates.ts';
import { checkTreeUse } from './check-trees.ts';
import type { Family, Rule, Watch } from './compiled.ts';
import { checkName } from './names.ts';
import { refuseNotYet } from './not-yet.ts';
import type { SourceFile } from './source.ts';
import { type Entry, entryOf, fieldOf, type Tree, textOf } from './tree.ts';
import { parseDuration, parsePercent, parseSize } from './units.ts';
import { readWatches, type WatchDraft } from './watches.ts';

const FAMILIES: readonly Family[] = ['key', 'index', 'version', 'pattern'];

export interface ReadRule {
  readonly rule: Rule;
  /** What each of the rule's watches was read from. */
  readonly drafts: ReadonlyMap<Watch, WatchDraft>;
  readonly nameAt: number;
}

/** What a rule can use of the file around it. */
export interface FileContext {
  readonly namespace: string | undefined;
  readonly trees: Tree | undefined;
}

/**
 * Reads one rule. Whatever has the wrong shape was reported by then and is passed over here, so that all mistakes of a
 * rule come out at once; a rule of a file with errors is never used.
 */
export function readRule(file: SourceFile, entry: Entry, context: FileContext): ReadRule | undefined {
  const { key: name, keyAt, value: node } = entry;
  checkName(file, name, keyAt);
  if (node.kind !== 'map') return undefined;
  const target = readTarget(file, entry);
  const family = target?.family ?? 'key';
  const templates = target ? readTemplates(file, target.node, { family, namespace: context.namespace }) : [];
  checkScan(file, node, family);
  checkTreeUse(file, node, context.trees);
  checkRebuild(file, node, templates);
  const placeholders = [...new Set(templates.flatMap((template) => template.placeholders))];
  const drafts = readWatches(file, node, placeholders);
  refuseNotYet(file, node);
  const watches: Watch[] = [];
  const rule: Rule = { name, place: file.place(keyAt), family, templates, watches, ...readOptions(node) };
  const byWatch = new Map<Watch, WatchDraft>();
  for (const draft of drafts) {
    const { columnPlaces: _, ...rest } = draft;
    const watch: Watch = { rule, ...rest };
    watches.push(watch);
    byWatch.set(watch, draft);
  }
  return { rule, drafts: byWatch, nameAt: keyAt };
}

/** Exactly one of key, index, version, pattern. */
function readTarget(file: SourceFile, { key: name, keyAt, value }: Entry): { family: Family; node: Tree } | undefined {
  const found = FAMILIES.flatMap((family) => {
    const entry = entryOf(value, family);
    return entry ? [{ family, node: entry.value, at: entry.keyAt }] : [];
  });
  const [first, second] = found;
  if (!first) file.error(keyAt, 'RULE_TARGET', `the rule \`${name}\` has no key, index, version or pattern`);
  if (second) {
    const all = found.map(({ family }) => `\`${family}\``).join(' and ');
    file.error(second.at, 'RULE_TARGET', `the rule \`${name}\` has ${all}, a rule has exactly one`);
  }
  return first;
}

function checkScan(file: SourceFile, node: Tree, family: Family): void {
  const scan = entryOf(node, 'scan');
  const pattern = entryOf(node, 'pattern');
  if (pattern && !scan) {
    file.error(
      pattern.keyAt,
      'RULE_SCAN',
      'every change of a `pattern` rule walks the whole keyspace',
      'add `scan: accept`',
    );
  }
  if (scan && family !== 'pattern') {
    file.warning(scan.keyAt, 'RULE_SCAN', `\`scan\` has no effect on a rule with \`${family}\``, 'remove it');
  }
}

function readOptions(node: Tree): Omit<Rule, 'name' | 'place' | 'family' | 'templates' | 'watches'> {
  const text = (name: string) => textOf(fieldOf(node, name));
  const parsed = <T>(name: string, parse: (text: string) => T | undefined) => {
    const found = text(name);
    return found === undefined ? undefined : parse(found);
  };
  return {
    about: text('about'),
    ttlMs: parsed('ttl', parseDuration),
    jitter: parsed('jitter', parsePercent),
    compressBytes: parsed('compress', parseSize),
    replicas: text('replicas') === 'true',
    againAfterMs: parsed('again_after', parseDuration),
    fence: text('fence') !== 'off',
  };
}
