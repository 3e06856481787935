import { describe, expect, it } from 'vitest';
import type { Catalog, CatalogTable } from '../../src/core/catalog.ts';
import { checkAgainstCatalog } from '../../src/plan/catalog-checks.ts';
import { neededIdentity } from '../../src/plan/identity.ts';
import { loadRules } from '../../src/rules/index.ts';
import { is, type RuleSpec, ruleSetOf } from '../match/rule-set.ts';

const column = (name: string, more: Partial<CatalogTable['columns'][number]> = {}) => ({
  name,
  type: 'text',
  generated: false as const,
  notNull: true,
  ...more,
});

const ITEMS: CatalogTable = {
  schema: 'public',
  name: 'items',
  kind: 'table',
  columns: ['id', 'owner_id', 'label', 'status'].map((name) => column(name)),
  identity: 'default',
  identityColumns: ['id'],
  primaryKey: ['id'],
  indexes: [],
  published: {},
};
const FULL = { identity: 'full', identityColumns: ITEMS.columns.map(({ name }) => name) } as const;
const PUBLICATION = {
  name: 'unstale',
  exists: true,
  viaRoot: true,
  operations: ['insert', 'update', 'delete', 'truncate'],
} as const;

function catalogOf(items: Partial<CatalogTable>, more: Partial<Catalog> = {}): Catalog {
  const tables = new Map([['public.items', { ...ITEMS, ...items }]]);
  return { tables, publication: PUBLICATION, version: 17, ...more };
}

const byId: RuleSpec = { name: 'item', templates: ['item:${id}'], watch: { items: {} } };
const byOwner: RuleSpec = { name: 'owned', templates: ['owned:${owner_id}'], watch: { items: {} } };

/** `CODE severity: message | hint` */
function findings(spec: RuleSpec, catalog: Catalog): readonly string[] {
  return checkAgainstCatalog(ruleSetOf(spec), catalog).map(
    ({ code, severity, message, hint }) => `${code} ${severity}: ${message} | ${hint}`,
  );
}

describe('checking rules against a database', () => {
  it('finds nothing where everything is as the rules need it', () => {
    expect(findings(byId, catalogOf({}))).toEqual([]);
    expect(
      findings({ ...byOwner, watch: { items: { columns: ['label'], where: [is('status', 'a')] } } }, catalogOf(FULL)),
    ).toEqual([]);
  });

  it('gives each finding the place of the case', () => {
    const [finding] = checkAgainstCatalog(ruleSetOf({ ...byId, watch: { itmes: {} } }), catalogOf({}));
    expect(finding?.place).toEqual({ file: 'rules.yaml', line: 1, column: 1 });
  });

  it('asks whoever read the files for the place of a column', () => {
    const { ruleSet, locate } = loadRules([
      { path: 'a.yaml', text: 'edition: 1\nrules:\n  item:\n    key: item:${id}\n    watch: { items: [labl] }\n' },
    ]);
    const found = ruleSet && checkAgainstCatalog(ruleSet, catalogOf(FULL), { locate });
    expect(found).toMatchObject([
      {
        code: 'RULE_UNKNOWN_COLUMN',
        place: { file: 'a.yaml', line: 5, column: 22 },
        source: '    watch: { items: [labl] }',
        hint: 'did you mean label?',
      },
    ]);
  });

  it('names the nearest table, also one of another schema', () => {
    expect(findings({ ...byId, watch: { itmes: {} } }, catalogOf({}))).toEqual([
      'RULE_UNKNOWN_TABLE error: rule item: there is no table public.itmes | did you mean public.items?',
    ]);
    const elsewhere = new Map([['warehouse.stock', { ...ITEMS, schema: 'warehouse', name: 'stock' }]]);
    expect(findings({ ...byId, watch: { stock: {} } }, catalogOf({}, { tables: elsewhere }))[0]).toContain(
      'did you mean warehouse.stock?',
    );
  });

  it('names the nearest column for each place that names one', () => {
    const watch = {
      items: { columns: ['lable'], ignore: ['nope'], where: [is('statuss', 'a')], becomes: [is('staus', 'a')] },
    };
    expect(findings({ ...byId, watch }, catalogOf(FULL)).filter((text) => text.startsWith('RULE_UNKNOWN'))).toEqual([
      'RULE_UNKNOWN_COLUMN error: rule item: public.items has no column lable | did you mean label?',
      'RULE_UNKNOWN_COLUMN error: rule item: public.items has no column nope | write the name exactly as in the catalog',
      'RULE_UNKNOWN_COLUMN error: rule item: public.items has no column statuss | did you mean status?',
      'RULE_UNKNOWN_COLUMN error: rule item: public.items has no column staus | did you mean status?',
    ]);
  });

  it('names a placeholder that nothing fills', () => {
    const spec: RuleSpec = { ...byOwner, templates: ['owned:${owner}'] };
    expect(findings(spec, catalogOf(FULL))).toEqual([
      'RULE_UNBOUND_PLACEHOLDER error: rule owned: ${owner} is not filled: public.items has no column of that name, and no bind says which | bind: { owner: <one of id, owner_id, label, status> }',
    ]);
    const bound: RuleSpec = { ...spec, watch: { items: { bind: { owner: ['owner_idd'] } } } };
    expect(findings(bound, catalogOf(FULL))).toEqual([
      'RULE_UNKNOWN_COLUMN error: rule owned: public.items has no column owner_idd | did you mean owner_id?',
    ]);
  });

  it.each([
    [{ kind: 'view' as const }, 'public.items is a view'],
    [{ kind: 'materialized view' as const }, 'public.items is a materialized view'],
    [{ kind: 'foreign' as const }, 'public.items is a foreign table'],
    [{ kind: 'temporary' as const }, 'public.items is a temporary table'],
    [
      { kind: 'unlogged' as const },
      'public.items is an unlogged table: its changes are not in the stream | alter table "public"."items" set logged;',
    ],
    [{ kind: 'partition' as const, root: 'public.all_items' }, 'watch public.all_items'],
  ])('refuses what is never in the stream: %o', (items, text) => {
    const found = findings(byId, catalogOf(items));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^RULE_TABLE_KIND error/);
    expect(found[0]).toContain(text);
  });
});

describe('the publication', () => {
  it('must have the table: the SQL to paste quotes names as they are', () => {
    const catalog = catalogOf(
      { published: undefined, name: 'it"ems' },
      { publication: { ...PUBLICATION, name: 'My Pub' } },
    );
    expect(findings(byId, catalog)).toEqual([
      'RULE_TABLE_NOT_PUBLISHED error: rule item: public.items is not in the publication My Pub | run `unstale setup`, or: alter publication "My Pub" add table only "public"."it""ems";',
    ]);
  });

  it('is only a warning while there is none, and not looked at if nobody asks', () => {
    const catalog = catalogOf({ published: undefined }, { publication: { ...PUBLICATION, exists: false } });
    expect(findings(byId, catalog)[0]).toMatch(/^RULE_TABLE_NOT_PUBLISHED warning.*run `unstale setup`$/);
    expect(findings(byId, catalogOf({ published: undefined }, { publication: undefined }))).toEqual([]);
  });

  it('must send the operations that the rule counts', () => {
    const publication = { ...PUBLICATION, operations: ['insert', 'update'] } as const;
    expect(findings(byId, catalogOf({}, { publication }))[0]).toMatch(
      /RULE_TABLE_NOT_PUBLISHED error.*does not send delete, truncate \| alter publication "unstale" set \(publish = /,
    );
    expect(findings({ ...byId, watch: { items: { ops: ['insert'] } } }, catalogOf({}, { publication }))).toEqual([]);
  });

  it('must send partitions under the name of the table on top', () => {
    const publication = { ...PUBLICATION, viaRoot: false };
    expect(findings(byId, catalogOf({ kind: 'partitioned' }, { publication }))[0]).toContain(
      'publish_via_partition_root',
    );
    expect(findings(byId, catalogOf({}, { publication }))).toEqual([]);
  });

  it('warns of a row filter', () => {
    expect(findings(byId, catalogOf({ published: { rowFilter: '(id > 5)' } }))[0]).toMatch(
      /RULE_TABLE_NOT_PUBLISHED warning.*only rows of public.items where \(id > 5\)/,
    );
  });

  it('must not leave out a column that a rule needs', () => {
    const catalog = catalogOf({ ...FULL, published: { columns: ['id', 'label'] } });
    expect(findings(byId, catalog)).toEqual([]);
    expect(findings(byOwner, catalog)[0]).toMatch(
      /RULE_COLUMN_NOT_PUBLISHED error.*leaves out owner_id of public.items/,
    );
    const ignoring: RuleSpec = { ...byId, watch: { items: { ignore: ['label'] } } };
    expect(findings(ignoring, catalog)[0]).toMatch(/RULE_COLUMN_NOT_PUBLISHED error.*leaves out owner_id, status/);
  });

  it('never carries a generated column before Postgres 18, and then only if it is told to', () => {
    const columns = [
      ...ITEMS.columns,
      column('slug', { generated: 'stored' }),
      column('both', { generated: 'virtual' }),
    ];
    const table = { ...FULL, columns, identityColumns: columns.map(({ name }) => name) };
    const spec = (name: string): RuleSpec => ({ name: 'r', templates: [`r:\${${name}}`], watch: { items: {} } });
    const message = /RULE_GENERATED_COLUMN error: rule r: public.items.slug is a generated column \(stored\)/;
    expect(findings(spec('slug'), catalogOf(table))[0]).toMatch(message);
    expect(findings(spec('slug'), catalogOf(table, { version: 18 }))[0]).toContain(
      'alter publication "unstale" set (publish_generated_columns = stored);',
    );
    const publication = { ...PUBLICATION, generatedColumns: true };
    expect(findings(spec('slug'), catalogOf(table, { version: 18, publication }))).toEqual([]);
    expect(findings(spec('both'), catalogOf(table, { version: 18, publication }))[0]).toContain('(virtual)');
    expect(findings({ ...spec('id'), watch: { items: { ignore: ['slug'] } } }, catalogOf(table))).toEqual([]);
  });
});

it('tables that inherit from a watched one are named', () => {
  const found = findings(byOwner, catalogOf({ heirs: ['public.special_items'] }));
  expect(found).toContainEqual(expect.stringMatching(/^RULE_INHERITED warning.*special_items/));
  expect(findings(byOwner, catalogOf({})).join()).not.toContain('RULE_INHERITED');
});

describe('the replica identity', () => {
  const TOO_SMALL = /^RULE_IDENTITY_TOO_SMALL warning/;

  it.each([
    ['a placeholder', {}, 'owner_id'],
    ['columns', { bind: { owner_id: ['id'] }, columns: ['label'] }, 'label'],
    ['where', { bind: { owner_id: ['id'] }, where: [is('status', 'a')] }, 'status'],
    ['becomes', { bind: { owner_id: ['id'] }, becomes: [is('status', 'a')] }, 'status'],
    ['ignore', { bind: { owner_id: ['id'] }, ignore: ['label'] }, 'owner_id, status'],
  ])('is too small for %s', (_, spec, columns) => {
    const found = findings({ ...byOwner, watch: { items: spec } }, catalogOf({}));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(TOO_SMALL);
    expect(found[0]).toContain(`the old values of ${columns} of public.items are not sent`);
    expect(found[0]).toContain('| alter table "public"."items" replica identity full;');
  });

  it('is large enough for rules that count only inserts, or whose keys are constant', () => {
    expect(findings({ ...byOwner, watch: { items: { ops: ['insert', 'truncate'] } } }, catalogOf({}))).toEqual([]);
    expect(findings({ ...byOwner, templates: ['all'] }, catalogOf({}))).toEqual([]);
  });

  it('is missing where updates would fail once the table is published', () => {
    for (const items of [
      { identity: 'nothing', identityColumns: [] },
      { identityColumns: [], primaryKey: [] },
    ] as const) {
      const found = findings(byId, catalogOf(items));
      expect(found).toHaveLength(1);
      expect(found[0]).toMatch(
        /^RULE_NO_IDENTITY error.*add a primary key, or: alter table "public"."items" replica identity/,
      );
    }
  });

  it('is named for setup: as it is, the primary key, the smallest unique index that does, or everything', () => {
    const indexes = [
      { name: 'wide', columns: ['owner_id', 'id', 'label'] },
      { name: 'By Owner', columns: ['id', 'owner_id'] },
      { name: 'other', columns: ['label'] },
    ];
    const needed = (spec: RuleSpec, items: Partial<CatalogTable>) =>
      neededIdentity(ruleSetOf(spec), catalogOf(items)).get('public.items');
    expect(needed(byId, {})).toMatchObject({ identity: 'keep', sql: [] });
    expect(needed(byOwner, FULL)).toMatchObject({ identity: 'keep', sql: [] });
    expect(needed(byId, { identity: 'nothing', identityColumns: [] })).toMatchObject({
      identity: 'default',
      sql: ['alter table "public"."items" replica identity default;'],
    });
    const constant = { ...byId, templates: ['all'] };
    expect(needed(constant, { identityColumns: [], primaryKey: [] })).toMatchObject({ identity: 'full', columns: [] });
    expect(needed(byOwner, { indexes })).toMatchObject({
      identity: 'index',
      index: 'By Owner',
      columns: ['owner_id'],
      sql: ['alter table "public"."items" replica identity using index "By Owner";'],
    });
    expect(needed(byOwner, {})).toMatchObject({
      identity: 'full',
      sql: ['alter table "public"."items" replica identity full;'],
    });
    expect(needed({ ...byId, watch: { items: { ignore: ['label'] } } }, { indexes })).toMatchObject({
      identity: 'full',
    });
  });

  it('goes on sending what an identity index sends now, since somebody else may read it', () => {
    const indexes = [{ name: 'own', columns: ['owner_id'] }];
    const table = { identity: 'index', identityColumns: ['label'], indexes } as const;
    expect(neededIdentity(ruleSetOf(byOwner), catalogOf(table)).get('public.items')).toMatchObject({
      identity: 'full',
    });
  });

  it('satisfies every rule of a table at once', () => {
    const indexes = [{ name: 'own', columns: ['owner_id'] }];
    const ruleSet = ruleSetOf(byOwner, { ...byId, name: 'label', templates: ['l:${label}'] });
    const hints = checkAgainstCatalog(ruleSet, catalogOf({ indexes })).map(({ hint }) => hint);
    expect(hints).toEqual(Array(2).fill('alter table "public"."items" replica identity full;'));
  });

  it('is that of the partitions, which do not inherit it', () => {
    const leaf = { ...ITEMS, name: 'items_1', kind: 'partition', root: 'public.items' } as const;
    const root = { ...ITEMS, ...FULL, kind: 'partitioned', partitions: ['public.items_1'] } as const;
    const tables = new Map<string, CatalogTable>([
      ['public.items', root],
      ['public.items_1', leaf],
    ]);
    const found = findings(byOwner, catalogOf({}, { tables }));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/^RULE_IDENTITY_TOO_SMALL warning.*owner_id of public.items are not sent by all/);
    expect(found[0]).toContain(
      'alter table "public"."items" replica identity full; alter table "public"."items_1" replica identity full;',
    );
  });
});
