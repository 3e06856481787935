/**
 * A rule file as maps, lists and texts, each with its position. Every scalar is the text that stands in the file (`1.50`,
 * `007`, `true`); a plain `null`, `~` or nothing at all is null.
 */
export type Tree = TreeMap | TreeList | TreeText;

export interface TreeMap {
  readonly kind: 'map';
  readonly at: number;
  readonly end: number;
  readonly entries: readonly Entry[];
}

export interface Entry {
  readonly key: string;
  readonly keyAt: number;
  readonly value: Tree;
}

export interface TreeList {
  readonly kind: 'list';
  readonly at: number;
  readonly end: number;
  readonly items: readonly Tree[];
}

export interface TreeText {
  readonly kind: 'text';
  readonly at: number;
  readonly end: number;
  readonly text: string | null;
  /** Where the text itself begins, if it stands in the file character by character (not escaped, not folded). */
  readonly textAt?: number | undefined;
}

export function entryOf(tree: Tree | undefined, key: string): Entry | undefined {
  return tree?.kind === 'map' ? tree.entries.find((entry) => entry.key === key) : undefined;
}

export function fieldOf(tree: Tree | undefined, key: string): Tree | undefined {
  return entryOf(tree, key)?.value;
}

export function entriesOf(tree: Tree | undefined): readonly Entry[] {
  return tree?.kind === 'map' ? tree.entries : [];
}

export function itemsOf(tree: Tree | undefined): readonly Tree[] {
  return tree?.kind === 'list' ? tree.items : [];
}

/** The text of a scalar that is not null and not empty. */
export function textOf(tree: Tree | undefined): string | undefined {
  return tree?.kind === 'text' && tree.text !== null && tree.text !== '' ? tree.text : undefined;
}

/** The texts of a text or of a list of them; others are left out (the grammar has reported them). */
export function textsOf(tree: Tree | undefined): readonly (TreeText & { readonly text: string })[] {
  if (!tree) return [];
  return (tree.kind === 'list' ? tree.items : [tree]).flatMap((item) =>
    item.kind === 'text' && item.text !== null && item.text !== '' ? [{ ...item, text: item.text }] : [],
  );
}

/** The node that a path leads to, and the entry (key and value) that holds it if its parent is a map. */
export function walk(tree: Tree, path: readonly PropertyKey[]): { node: Tree | undefined; entry: Entry | undefined } {
  let node: Tree | undefined = tree;
  let entry: Entry | undefined;
  for (const step of path) {
    entry = typeof step === 'string' ? entryOf(node, step) : undefined;
    node = typeof step === 'number' ? itemsOf(node)[step] : entry?.value;
  }
  return { node, entry };
}

/** Plain JavaScript values, for the schema. */
export function plain(tree: Tree): unknown {
  if (tree.kind === 'text') return tree.text;
  if (tree.kind === 'list') return tree.items.map(plain);
  return Object.fromEntries(tree.entries.map(({ key, value }) => [key, plain(value)]));
}
