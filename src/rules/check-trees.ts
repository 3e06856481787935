import { checkName, RELATIVES, tableOf } from './names.ts';
import { suggest } from './nearest.ts';
import type { SourceFile } from './source.ts';
import { type Entry, entriesOf, fieldOf, type Tree, textOf, textsOf } from './tree.ts';

/** What the levels of the file's trees say about each other. */
export function checkTrees(file: SourceFile, trees: Tree | undefined): void {
  for (const { key, keyAt, value } of entriesOf(trees)) {
    const levels = entriesOf(value);
    checkName(file, key, keyAt);
    if (value.kind === 'map' && levels.length === 0)
      file.error(keyAt, 'RULE_TREE', `the tree \`${key}\` has no levels`);
    levels.forEach((level, index) => {
      tableOf(file, fieldOf(level.value, 'table'));
      checkParent(file, level, { levels, above: levels[index - 1] });
    });
  }
}

function checkParent(
  file: SourceFile,
  level: Entry,
  { levels, above }: { levels: readonly Entry[]; above: Entry | undefined },
): void {
  const parent = fieldOf(level.value, 'parent');
  const names = levels.map(({ key }) => key);
  if (!above && parent?.kind === 'text') {
    const hint = `name the level for each column: parent: { ${parent.text ?? 'column'}: ${level.key} }`;
    file.error(parent.at, 'RULE_TREE', `\`${level.key}\` is the first level, there is none above it`, hint);
  }
  if (above && !parent && textOf(fieldOf(above.value, 'single')) !== 'true') {
    const hint = `add \`parent: <column with the id of its ${above.key}>\`, or \`single: true\` to \`${above.key}\``;
    file.error(level.keyAt, 'RULE_TREE', `the level \`${level.key}\` has no \`parent\``, hint);
  }
  for (const { key, value } of entriesOf(parent)) {
    const name = textOf(value);
    if (name === undefined || names.includes(name)) continue;
    file.error(
      value.at,
      'RULE_UNKNOWN_LEVEL',
      `\`${key}\` leads to \`${name}\`, which is no level`,
      suggest(name, names),
    );
  }
}

/** The tree that a rule names, its levels, and relatives that need one. */
export function checkTreeUse(file: SourceFile, rule: Tree, trees: Tree | undefined): void {
  const tree = fieldOf(rule, 'tree');
  const levels = fieldOf(rule, 'levels');
  const name = textOf(tree);
  const known = entriesOf(trees).map(({ key }) => key);
  if (tree && name !== undefined && !known.includes(name)) {
    const hint = suggest(name, known, 'define it under `trees:` in the same file');
    file.error(tree.at, 'RULE_UNKNOWN_TREE', `this file has no tree \`${name}\``, hint);
  }
  if (levels && !tree) file.error(levels.at, 'RULE_TREE', '`levels` in a rule without `tree`', 'add `tree:`');
  const levelNames = entriesOf(fieldOf(trees, name ?? '')).map(({ key }) => key);
  for (const one of levelNames.length > 0 ? textsOf(levels) : []) {
    if (levelNames.includes(one.text)) continue;
    file.error(
      one.at,
      'RULE_UNKNOWN_LEVEL',
      `\`${one.text}\` is no level of \`${name}\``,
      suggest(one.text, levelNames),
    );
  }
  if (!tree) checkNoRelatives(file, fieldOf(rule, 'watch'));
}

function checkNoRelatives(file: SourceFile, watch: Tree | undefined): void {
  for (const { text, at } of watchedNames(watch)) {
    if (!RELATIVES.includes(text)) continue;
    const hint = `for a table of this name write \`public.${text}\`; for relatives add \`tree:\``;
    file.error(at, 'RULE_RELATIVE', `\`${text}\` is a relative, and the rule has no tree`, hint);
  }
}

/** Tables and relatives that a rule watches, where they are named. */
export function watchedNames(watch: Tree | undefined): readonly { text: string; at: number }[] {
  if (watch?.kind === 'map') return watch.entries.map(({ key, keyAt }) => ({ text: key, at: keyAt }));
  return textsOf(watch);
}
