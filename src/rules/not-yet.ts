import { watchedNames } from './check-trees.ts';
import { RELATIVES } from './names.ts';
import type { SourceFile } from './source.ts';
import { entriesOf, entryOf, fieldOf, itemsOf, type Tree, textOf } from './tree.ts';

/** Refuses what the grammar has and this version validates, but does not execute: one finding for each use. */
export function refuseNotYet(file: SourceFile, rule: Tree): void {
  const refuse = (at: number, what: string) => {
    file.error(at, 'RULE_NOT_YET', `${what}: validated, but not executed by this version yet`);
  };
  for (const name of ['tree', 'levels', 'rebuild']) {
    const entry = entryOf(rule, name);
    if (entry) refuse(entry.keyAt, `\`${name}\``);
  }
  const replicas = entryOf(rule, 'replicas');
  if (replicas && textOf(replicas.value) === 'true') refuse(replicas.keyAt, '`replicas: true`');
  if (entryOf(rule, 'tree')) {
    for (const { text, at } of watchedNames(fieldOf(rule, 'watch'))) {
      if (RELATIVES.includes(text)) refuse(at, `watching the relative \`${text}\``);
    }
  }
  for (const { value } of entriesOf(fieldOf(rule, 'watch'))) {
    for (const one of value.kind === 'list' ? itemsOf(value) : [value]) {
      const lookup = entryOf(one, 'lookup');
      if (lookup) refuse(lookup.keyAt, '`lookup`');
      const action = fieldOf(one, 'do');
      const verb = textOf(action);
      if (action && (verb === 'rebuild' || verb === 'patch')) refuse(action.at, `\`do: ${verb}\``);
    }
  }
}
