import { z } from 'zod';
import { OPERATIONS } from '../core/change.ts';
import type { ErrorCode } from '../core/errors/index.ts';
import { parseDuration, parsePercent, parseSize, parseWhole } from './units.ts';

/*
 * The grammar of rule files, field by field; what one field says about another is checked in check-*.ts. Every scalar
 * arrives here as the text of the file, so schemas of numbers and words test texts; `editors` says what an editor, which
 * gives types to scalars, should expect in that place. Descriptions go into the JSON Schema.
 */

/** How a schema looks to editors, where it differs from what is validated here. */
const editors = z.registry<{ readonly schema: object }>();

function as<T extends z.ZodType>(schema: T, shown: object): T {
  editors.add(schema, { schema: shown });
  return schema;
}

/** A map with these fields and no others. The message of an unknown key lists the known ones: shape.ts takes the nearest. */
function fields<T extends z.ZodRawShape>(shape: T) {
  const known = Object.keys(shape).join(' ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? known : undefined) });
}

/** A text that passes a test; `code` and `expected` make the finding if it does not. */
function checked(code: ErrorCode, expected: string, passes: (text: string) => boolean, shown: object) {
  return as(z.string().refine(passes, { error: expected, params: { code } }), shown);
}

function oneOf(words: readonly string[], shown: object = { enum: words }) {
  return checked('RULE_UNKNOWN_VALUE', words.join(', '), (text) => words.includes(text), shown);
}

const whole = (least: number, most: number) =>
  checked(
    'RULE_NUMBER',
    `a whole number from ${least} to ${most}`,
    (text) => parseWhole(text, least, most) !== undefined,
    {
      type: 'integer',
      minimum: least,
      maximum: most,
    },
  );

const SCALAR = ['string', 'number', 'boolean'];
const duration = checked('RULE_DURATION', 'a duration', (text) => parseDuration(text) !== undefined, {
  type: 'string',
  pattern: '^[0-9]+(ms|s|m|h|d)$',
  examples: ['500ms', '10s', '5m', '1h', '7d'],
});
const percent = checked('RULE_PERCENT', 'a percentage', (text) => parsePercent(text) !== undefined, {
  type: ['string', 'number'],
  examples: ['10%'],
});
const size = checked('RULE_SIZE', 'a size', (text) => parseSize(text) !== undefined, {
  type: 'string',
  pattern: '^[0-9]+([bB]|[kK][bB]|[mM][bB])$',
  examples: ['512b', '1kb', '1mb'],
});
const flag = oneOf(['true', 'false'], { type: 'boolean' });
/** Names are checked in rule.ts and check-trees.ts: here a wrong one would hide what is wrong beneath it. */
const name = as(z.string(), { type: 'string', pattern: '^[A-Za-z0-9_-]+$' });

const some = <T extends z.ZodType>(item: T) => z.array(item).min(1);
const text = as(z.string().min(1), { type: SCALAR });
const words = z.string().min(1);
const template = words.describe(
  "Literal text, ${column}, ${function(column, 'constant')}; a literal ${ is written $${.",
);
const templates = z.union([template, some(template)]);
const table = text.describe('schema.table, exactly as in the catalog; public if the schema is left out.');
const column = text.describe('A column, exactly as in the catalog.');
const value = as(z.string().nullable(), { type: [...SCALAR, 'null'] });
const values = z.union([value, some(value)]);
const test = z.union([value, some(value), fields({ not: values })]);
const tests = z.record(z.string(), test);
const sql = words.describe('SQL; ${placeholder} is always a bound parameter, never text.');

const level = fields({
  table: table.describe('The table whose rows are the nodes of this level.'),
  id: column.describe('The column that identifies a node. Default: id.').optional(),
  parent: z
    .union([column, z.record(z.string(), text)])
    .describe(
      "This row's column that holds the id of the row on the level above; or several columns, each with its level.",
    )
    .optional(),
  scope: some(column).describe('Columns that are equal in parent and child (a tenant, a user).').optional(),
  single: flag.describe('One row for all: rows of the next level without a parent hang under it.').optional(),
});

const kase = fields({
  ops: some(oneOf(OPERATIONS)).describe('Only these operations. Default: all.').optional(),
  columns: some(column).describe('Updates count only if one of these columns changed.').optional(),
  ignore: some(column).describe('Updates that change nothing but these columns do not count.').optional(),
  where: tests.describe('The old or the new row has it.').optional(),
  becomes: tests.describe('The new row has it and the old had not.').optional(),
  bind: z
    .record(z.string(), z.union([column, some(column)]))
    .describe('Placeholder to the column, or columns, that fill it.')
    .optional(),
  lookup: sql.describe('Each row of the result fills the placeholders once.').optional(),
  do: oneOf(['delete', 'rebuild', 'patch']).describe('What happens to the key.').optional(),
});
/** What authors put beside `watch` by mistake. */
export const CASE_FIELDS: readonly string[] = Object.keys(kase.shape);
const cases = z.union([z.null(), kase, some(z.union([column, kase]))]);

const http = fields({
  url: words.describe('A template; values are encoded.'),
  method: oneOf(['GET', 'POST']).describe('Default: GET.').optional(),
  headers: z.record(z.string(), text).optional(),
  timeout: duration.optional(),
});

const schedule = fields({
  every: duration.describe('The time between two rounds.'),
  select: words.describe('SQL whose rows fill the placeholders, in order.'),
  at_start: flag.describe('A round when the worker starts, too.').optional(),
});

const rebuild = fields({
  sql: sql.optional(),
  http: http.describe('Loads the value from a URL.').optional(),
  module: words.describe('A file with a default export: async (params, {db, signal}) => value.').optional(),
  result: oneOf(['row', 'rows', 'value']).describe('What of the result is stored. Default: row.').optional(),
  store: oneOf(['json', 'hash']).describe('How it is stored. Default: json.').optional(),
  only_if_cached: flag.describe('Rebuild only what was in the cache when it went stale.').optional(),
  empty: oneOf(['delete', 'store']).describe('What no row means. Default: delete.').optional(),
  debounce: duration.describe('A hot key is rebuilt at most once in this time, never zero times.').optional(),
  concurrency: whole(1, 10_000).describe('Rebuilds at once, in a queue of its own.').optional(),
  priority: whole(0, 2_097_152).describe('Lower is sooner.').optional(),
  schedule: schedule.describe('Rebuilds without a change, too.').optional(),
});

const rule = fields({
  about: text.describe('For people.').optional(),
  key: templates.describe('Entries: a change deletes them.').optional(),
  index: templates.describe('Sets whose members are keys: a change deletes set and members.').optional(),
  version: templates.describe('Stamps that readers put into their keys: a change renews them.').optional(),
  pattern: templates
    .describe('Glob patterns of entries, found by walking the keyspace. Needs scan: accept.')
    .optional(),
  tree: words.describe('A tree of this file; watch may then name relatives.').optional(),
  levels: some(words).describe('Only nodes on these levels have the key.').optional(),
  watch: z
    .union([table, some(table), z.record(z.string(), cases)])
    .describe('Tables (or relatives) whose changes count; as a map, with their cases.'),
  ttl: duration.describe('Lifetime of an entry that a rebuild or the reader stores.').optional(),
  jitter: percent.describe('Takes up to this share off the lifetime.').optional(),
  compress: size.describe('Entries above this size are stored compressed.').optional(),
  replicas: flag.describe('Readers may load from standbys.').optional(),
  rebuild: rebuild.describe('Loads the value anew after a change.').optional(),
  again_after: duration.describe('The same delete once more after a pause.').optional(),
  fence: as(oneOf(['on', 'off']), { enum: ['on', 'off', true, false] })
    .describe('Leases against late fills. Default: on.')
    .optional(),
  scan: oneOf(['accept']).describe('Required with pattern: every change walks the keyspace.').optional(),
});

const row = z.record(z.string(), value).describe('Column to value. A column that is absent is null.');
const rows = z.record(z.string(), z.array(row));
const change = fields({
  insert: table.optional(),
  update: table.optional(),
  delete: table.optional(),
  truncate: table.optional(),
  row: row.optional(),
  was: row.describe('The columns that differed before. Without it the old row was not sent.').optional(),
  unsent: some(column).describe('Columns that Postgres did not send.').optional(),
});
const keys = some(text);
const ruleTest = fields({
  name: text.describe('A sentence that says what must hold.'),
  given: rows.describe('Rows that trees are answered from: the state after the changes.').optional(),
  lookups: rows.describe('Results of lookups, by rule.table.').optional(),
  change: change.optional(),
  changes: some(change).describe('One transaction.').optional(),
  expect: z
    .union([
      oneOf(['nothing']),
      fields({
        delete: keys.optional(),
        rebuild: keys.optional(),
        patch: keys.optional(),
        clear: keys.optional(),
        bump: keys.optional(),
        scan: keys.optional(),
      }),
    ])
    .describe('Exactly these keys, whole, namespace included.'),
});

/** A rule file. `rules` may be missing in *.test.yaml only; that is checked with the file's name. */
export const ruleFile = fields({
  edition: checked('RULE_EDITION', '1', (edition) => edition === '1', { const: 1 }).describe('Always 1.'),
  about: text.describe('For people.').optional(),
  namespace: text.describe('Joined in front of every key of the file, with a colon.').optional(),
  trees: z.record(name, z.record(z.string(), level)).describe('Tree to its levels, from the top down.').optional(),
  rules: z.record(name, rule).describe('Rule to what its key is and what it watches.').optional(),
  tests: z.array(ruleTest).describe('Run by `unstale test`.').optional(),
});

/** JSON Schema (draft 7, which editors understand) of rule files: `rules/schema.json`. */
export function jsonSchema(): object {
  const schema = z.toJSONSchema(ruleFile, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema: shown }) => {
      const own = editors.get(zodSchema);
      if (!own) return;
      for (const key of Object.keys(shown)) if (key !== 'description') delete shown[key];
      Object.assign(shown, own.schema);
    },
  });
  return { title: 'unstale rule file', ...schema };
}
