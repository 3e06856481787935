import { OPERATIONS, type Operation } from '../core/change.ts';
import type { Place } from '../core/errors/index.ts';
import { checkSql } from './check-rebuild.ts';
import type { ColumnTest, Watch } from './compiled.ts';
import { RELATIVES, tableName } from './names.ts';
import { suggest } from './nearest.ts';
import type { SourceFile } from './source.ts';
import { entriesOf, entryOf, fieldOf, itemsOf, type Tree, textsOf } from './tree.ts';

/** A watch before its rule exists, with the places of the columns that it names. */
export interface WatchDraft extends Omit<Watch, 'rule'> {
  readonly columnPlaces: ReadonlyMap<string, Place>;
}

/** Reads `watch` in all its shapes: one draft for each case of each table. */
export function readWatches(file: SourceFile, rule: Tree, placeholders: readonly string[]): readonly WatchDraft[] {
  const watch = entryOf(rule, 'watch');
  if (!watch) return [];
  const { value } = watch;
  if (value.kind === 'map' && value.entries.length === 0) file.error(watch.keyAt, 'RULE_EMPTY', '`watch` is empty');
  const context: Context = { file, placeholders };
  if (value.kind !== 'map') {
    return textsOf(value).flatMap(({ text, at }) => readCases(context, { name: text, at, cases: undefined }));
  }
  return value.entries.flatMap(({ key, keyAt, value: cases }) => readCases(context, { name: key, at: keyAt, cases }));
}

interface Context {
  readonly file: SourceFile;
  readonly placeholders: readonly string[];
}

function readCases(
  context: Context,
  { name, at, cases }: { name: string; at: number; cases: Tree | undefined },
): readonly WatchDraft[] {
  const { file } = context;
  // A relative without a tree is reported elsewhere; with one, its cases are still checked.
  const table = RELATIVES.includes(name) ? `public.${name}` : tableName(file, name, at);
  if (table === undefined) return [];
  const items = itemsOf(cases);
  const maps = items.filter((item) => item.kind === 'map');
  const texts = items.filter((item) => item.kind === 'text');
  if (maps.length > 0 && texts.length > 0) {
    file.error(texts[0]?.at ?? at, 'RULE_CASES', `\`${name}\` lists columns and cases in one list`);
  }
  const nodes = maps.length > 0 ? maps : [cases];
  return nodes.map((node) => readCase(context, { table, at: maps.length > 0 ? (node?.at ?? at) : at, node }));
}

/** `node`: a case, a list of columns, or nothing. */
function readCase(
  { file, placeholders }: Context,
  { table, at, node }: { table: string; at: number; node: Tree | undefined },
): WatchDraft {
  const bound = readBindings(file, fieldOf(node, 'bind'), placeholders);
  for (const text of textsOf(fieldOf(node, 'lookup'))) checkSql(file, text);
  const operations = textsOf(fieldOf(node, 'ops')).map(({ text }) => text);
  const ops = OPERATIONS.filter((op) => operations.length === 0 || operations.includes(op));
  const columns = node?.kind === 'list' ? node : fieldOf(node, 'columns');
  return {
    table,
    place: file.place(at),
    ops: new Set<Operation>(ops),
    columns: columnsOf(columns),
    ignore: columnsOf(fieldOf(node, 'ignore')),
    where: readTests(fieldOf(node, 'where')),
    becomes: readTests(fieldOf(node, 'becomes')),
    bind: new Map(placeholders.map((name) => [name, bound.get(name) ?? [name]])),
    columnPlaces: placesOf(file, node),
  };
}

function columnsOf(node: Tree | undefined): readonly string[] | undefined {
  const texts = textsOf(node);
  return texts.length === 0 ? undefined : [...new Set(texts.map(({ text }) => text))];
}

function readBindings(
  file: SourceFile,
  bind: Tree | undefined,
  placeholders: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const bound = new Map<string, readonly string[]>();
  for (const { key, keyAt, value } of entriesOf(bind)) {
    const columns = columnsOf(value);
    if (columns) bound.set(key, columns);
    if (placeholders.includes(key)) continue;
    const message = `\`bind\` fills \`${key}\`, which is in no template of the rule`;
    file.error(
      keyAt,
      'RULE_UNKNOWN_PLACEHOLDER',
      message,
      suggest(key, placeholders, 'the templates have none; remove it'),
    );
  }
  return bound;
}

function readTests(node: Tree | undefined): readonly ColumnTest[] {
  return entriesOf(node).map(({ key, value }) => {
    const not = fieldOf(value, 'not');
    const tested = not ?? value;
    const values = (tested.kind === 'list' ? tested.items : [tested]).flatMap((item) =>
      item.kind === 'text' ? [item.text] : [],
    );
    return { column: key, values, not: not !== undefined };
  });
}

/** Where each column of a case is named first. */
function placesOf(file: SourceFile, node: Tree | undefined): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const note = (column: string, at: number) => {
    if (!places.has(column)) places.set(column, file.place(at));
  };
  const lists = [node?.kind === 'list' ? node : undefined, fieldOf(node, 'columns'), fieldOf(node, 'ignore')];
  for (const { text, at } of lists.flatMap(textsOf)) note(text, at);
  for (const name of ['where', 'becomes'])
    for (const { key, keyAt } of entriesOf(fieldOf(node, name))) note(key, keyAt);
  for (const { value } of entriesOf(fieldOf(node, 'bind'))) for (const { text, at } of textsOf(value)) note(text, at);
  return places;
}
