import type { SourceFile } from './source.ts';
import type { Tree } from './tree.ts';

/** What a tree rule may watch instead of a table. */
export const RELATIVES: readonly string[] = ['self', 'parent', 'ancestors', 'children', 'descendants'];

/** `schema.table`, split at the first dot; `public` if there is none. Reports a name with an empty part. */
export function tableName(file: SourceFile, text: string, at: number): string | undefined {
  const dot = text.indexOf('.');
  if (dot === -1) return `public.${text}`;
  if (dot > 0 && dot < text.length - 1) return text;
  file.error(
    at,
    'RULE_TABLE',
    `\`${text}\` names no ${dot === 0 ? 'schema' : 'table'} ${dot === 0 ? 'before' : 'after'} the dot`,
  );
  return undefined;
}

/** The table that a node names, if it is a text. */
export function tableOf(file: SourceFile, tree: Tree | undefined): string | undefined {
  return tree?.kind === 'text' && tree.text ? tableName(file, tree.text, tree.at) : undefined;
}

/** Names of rules and trees go into keys, metrics and commands. */
export function checkName(file: SourceFile, name: string, at: number): void {
  if (!/^[A-Za-z0-9_-]+$/.test(name) || name === '__proto__') file.error(at, 'RULE_NAME', `\`${name}\` is no name`);
}
