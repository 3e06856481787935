import { OPERATIONS } from '../core/change.ts';
import type { RuleTest, TestChange, TestRow } from './compiled.ts';
import { tableName, tableOf } from './names.ts';
import type { SourceFile } from './source.ts';
import { entriesOf, entryOf, fieldOf, itemsOf, type Tree, textOf, textsOf } from './tree.ts';

const VERBS = ['delete', 'rebuild', 'patch', 'clear', 'bump', 'scan'] as const;

/** Reads a rule file's own tests; those that do not say one clear thing are reported. */
export function readTests(file: SourceFile, tests: Tree | undefined): readonly RuleTest[] {
  return itemsOf(tests).flatMap((test) => (test.kind === 'map' ? [readTest(file, test)] : []));
}

function readTest(file: SourceFile, test: Tree): RuleTest {
  const one = entryOf(test, 'change');
  const many = entryOf(test, 'changes');
  if (one && many)
    file.error(many.keyAt, 'RULE_TEST', 'both `change` and `changes`', 'put all of them under `changes`');
  if (!one && !many) file.error(test.at, 'RULE_TEST', 'a test without a change', 'add `change:` or `changes:`');
  checkLookups(file, fieldOf(test, 'lookups'));
  const changes = one ? [one.value] : itemsOf(many?.value);
  return {
    name: textOf(fieldOf(test, 'name')) ?? '',
    place: file.place(test.at),
    given: readGiven(file, fieldOf(test, 'given')),
    changes: changes.flatMap((change) => readChange(file, change) ?? []),
    expect: readExpected(fieldOf(test, 'expect')),
  };
}

/** `<rule>.<table>`; a rule's name has no dot. Read by the version that executes lookups. */
function checkLookups(file: SourceFile, lookups: Tree | undefined): void {
  for (const { key, keyAt } of entriesOf(lookups)) {
    if (/^[A-Za-z0-9_-]+\../.test(key)) continue;
    file.error(keyAt, 'RULE_TEST', `\`${key}\` names no lookup`, 'write <rule>.<table>');
  }
}

function readGiven(file: SourceFile, given: Tree | undefined): ReadonlyMap<string, readonly TestRow[]> {
  const tables = new Map<string, readonly TestRow[]>();
  for (const { key, keyAt, value } of entriesOf(given)) {
    const table = tableName(file, key, keyAt);
    if (table !== undefined) tables.set(table, [...(tables.get(table) ?? []), ...itemsOf(value).map(rowOf)]);
  }
  return tables;
}

function readChange(file: SourceFile, change: Tree): TestChange | undefined {
  if (change.kind !== 'map') return undefined;
  const ops = OPERATIONS.filter((op) => entryOf(change, op));
  const [op] = ops;
  if (!op || ops.length > 1) {
    const found = ops.length === 0 ? 'none' : ops.join(' and ');
    file.error(change.at, 'RULE_TEST', `a change is exactly one of ${OPERATIONS.join(', ')}; here: ${found}`);
    return undefined;
  }
  const table = tableOf(file, fieldOf(change, op));
  const row = fieldOf(change, 'row');
  const was = entryOf(change, 'was');
  checkRow(file, change, op);
  if (was && op !== 'update') file.error(was.keyAt, 'RULE_TEST', `\`was\` belongs to an update, this is: ${op}`);
  if (table === undefined) return undefined;
  return {
    op,
    table,
    row: row && rowOf(row),
    was: was && rowOf(was.value),
    unsent: textsOf(fieldOf(change, 'unsent')).map(({ text }) => text),
  };
}

function checkRow(file: SourceFile, change: Tree, op: string): void {
  const row = entryOf(change, 'row');
  const unsent = entryOf(change, 'unsent');
  if (op !== 'truncate') {
    if (!row) file.error(change.at, 'RULE_TEST', `${op} without a row`, 'add `row: { column: value }`');
    return;
  }
  for (const entry of [row, unsent]) {
    if (entry) file.error(entry.keyAt, 'RULE_TEST', `a truncate has no \`${entry.key}\``, 'remove it');
  }
}

/** Column to the text in the file, or null. */
export function rowOf(tree: Tree): TestRow {
  return Object.fromEntries(
    entriesOf(tree).flatMap(({ key, value }) => (value.kind === 'text' ? [[key, value.text]] : [])),
  );
}

function readExpected(expect: Tree | undefined): RuleTest['expect'] {
  return Object.fromEntries(
    VERBS.flatMap((verb) => {
      const keys = textsOf(fieldOf(expect, verb)).map(({ text }) => text);
      return keys.length > 0 ? [[verb, keys]] : [];
    }),
  );
}
