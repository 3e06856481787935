import type { Finding } from '../core/errors/index.ts';
import { checkTrees } from './check-trees.ts';
import type { Rule, RuleSet, RuleTest, Watch } from './compiled.ts';
import { fingerprint } from './fingerprint.ts';
import { type ReadRule, readRule } from './rule.ts';
import { readTests } from './rule-tests.ts';
import { checkShape } from './shape.ts';
import { SourceFile } from './source.ts';
import { entriesOf, entryOf, fieldOf, type Tree, textOf } from './tree.ts';
import { readYaml, type Yaml } from './yaml.ts';

export interface RuleText {
  /** As findings show it; a name that ends in `.test.yaml` may be without rules. */
  readonly path: string;
  readonly text: string;
}

export interface LoadedRules {
  /** Only if no finding is an error: all files load, or none does. */
  readonly ruleSet?: RuleSet | undefined;
  /** Every mistake of all files, by file and place. */
  readonly findings: readonly Finding[];
  /**
   * Where a watch, or a column in it, stands in its file, with the line: for findings of checks against a database. A
   * column that is only named by a template leads to the watch.
   */
  readonly locate: (watch: Watch, column?: string) => Pick<Finding, 'place' | 'source'>;
}

interface ReadFile {
  readonly file: SourceFile;
  readonly rules: readonly ReadRule[];
  readonly tests: readonly RuleTest[];
}

/** Reads, validates and links rule files, whole. Pure: the same files in any order give the same result. */
export function loadRules(files: readonly RuleText[]): LoadedRules {
  const sources = files.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  const read = sources.map(({ path, text }) => readFile(new SourceFile(path, text)));
  checkNames(read);
  const findings = read.flatMap(({ file }) => file.findings);
  const locate = locator(read);
  if (findings.some(({ severity }) => severity === 'error')) return { findings, locate };
  const rules = read.flatMap((one) => one.rules.map(({ rule }) => rule)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const tests = read.flatMap((one) => one.tests);
  return { ruleSet: { rules, byTable: byTable(rules), tests, hash: fingerprint(rules) }, findings, locate };
}

function readFile(file: SourceFile): ReadFile {
  const yaml = readYaml(file);
  if (!yaml) return { file, rules: [], tests: [] };
  const { tree } = yaml;
  if (yaml.broken.length === 0) return readTree(file, tree);
  const syntaxErrors = file.findings.length;
  readTree(file, tree);
  dropEchoes(file, yaml, syntaxErrors);
  return { file, rules: [], tests: [] };
}

function readTree(file: SourceFile, tree: Tree): ReadFile {
  checkShape(file, tree);
  checkFile(file, tree);
  const trees = fieldOf(tree, 'trees');
  checkTrees(file, trees);
  const context = { namespace: textOf(fieldOf(tree, 'namespace')), trees };
  const rules = entriesOf(fieldOf(tree, 'rules')).flatMap((entry) => readRule(file, entry, context) ?? []);
  return { file, rules, tests: readTests(file, fieldOf(tree, 'tests')) };
}

/**
 * A syntax error makes the parser misread what is near. Mistakes are still told in rules, trees and tests that hold no
 * syntax error; elsewhere they are most likely echoes of it.
 */
function dropEchoes(file: SourceFile, { tree, broken }: Yaml, from: number): void {
  const starts = ['trees', 'rules', 'tests'].flatMap((name) => {
    const part = fieldOf(tree, name);
    return part?.kind === 'list' ? part.items.map(({ at }) => at) : entriesOf(part).map(({ keyAt }) => keyAt);
  });
  const pieces = starts.toSorted((a, b) => a - b).map((from, index, all) => ({ from, to: all[index + 1] ?? Infinity }));
  const kept = pieces.filter(({ from, to }) => !broken.some((at) => at >= from && at < to));
  file.dropFrom(from, (at) => !kept.some((piece) => at >= piece.from && at < piece.to));
}

function checkFile(file: SourceFile, tree: Tree): void {
  const namespace = fieldOf(tree, 'namespace');
  if (textOf(namespace)?.includes('${')) {
    file.error(namespace?.at ?? 0, 'RULE_NAMESPACE', `the namespace \`${textOf(namespace)}\` holds a placeholder`);
  }
  const isTest = /\.test\.ya?ml$/.test(file.path);
  if (tree.kind === 'map' && !isTest && !entryOf(tree, 'rules')) {
    file.error(
      tree.at,
      'RULE_MISSING_FIELD',
      'the file has no `rules`',
      'add `rules:`; only *.test.yaml may be without',
    );
  }
}

/** Names are unique across files: keys, metrics and epochs go by them. */
function checkNames(files: readonly ReadFile[]): void {
  const first = new Map<string, Rule>();
  for (const { file, rules } of files) {
    for (const { rule, nameAt } of rules) {
      const other = first.get(rule.name);
      if (!other) first.set(rule.name, rule);
      else {
        const where = `${other.place.file}:${other.place.line}:${other.place.column}`;
        file.error(nameAt, 'RULE_DUPLICATE_NAME', `the rule \`${rule.name}\` exists already, at ${where}`);
      }
    }
  }
}

function byTable(rules: readonly Rule[]): ReadonlyMap<string, readonly Watch[]> {
  const tables = new Map<string, Watch[]>();
  for (const watch of rules.flatMap((rule) => rule.watches)) {
    const list = tables.get(watch.table);
    if (list) list.push(watch);
    else tables.set(watch.table, [watch]);
  }
  return tables;
}

function locator(files: readonly ReadFile[]): LoadedRules['locate'] {
  return (watch, column) => {
    for (const { file, rules } of files) {
      for (const { drafts } of rules) {
        const draft = drafts.get(watch);
        if (!draft) continue;
        const place = (column === undefined ? undefined : draft.columnPlaces.get(column)) ?? watch.place;
        return { place, source: file.line(place.line) };
      }
    }
    return { place: watch.place };
  };
}
