import { UnstaleError } from '../core/errors/index.ts';
import type { TestRow } from './compiled.ts';
import { SourceFile } from './source.ts';
import { entriesOf, type Tree } from './tree.ts';
import { readYaml } from './yaml.ts';

/**
 * A row from the command line: a JSON object, or a YAML map. Values keep their text (`1.50`, `9007199254740993`); null is
 * null; lists and objects are taken as the text that stands there. Throws USAGE, with `what` in the message.
 */
export function parseRow(text: string, what: string): TestRow {
  const file = new SourceFile(what, text);
  const tree = readYaml(file)?.tree;
  const [problem] = file.findings;
  if (problem || tree?.kind !== 'map' || text.trim() === '') {
    const why = problem?.message ?? 'expected { "column": "value", ... }';
    throw new UnstaleError('USAGE', `${what} is no row: ${why}: ${text.slice(0, 80)}`);
  }
  return Object.fromEntries(entriesOf(tree).map(({ key, value }) => [key, textIn(text, value)]));
}

function textIn(source: string, tree: Tree): string | null {
  return tree.kind === 'text' ? tree.text : source.slice(tree.at, tree.end).trim();
}
