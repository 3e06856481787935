import { type Catalog, type CatalogTable, quoteIdentifier, quoteTable } from '../core/catalog.ts';
import type { ErrorCode, Finding } from '../core/errors/index.ts';
import type { RuleSet, Watch } from '../rules/compiled.ts';
import { nearest } from '../rules/nearest.ts';
import { neededIdentity, type OldColumns, oldColumns, sentColumns } from './identity.ts';

type Publication = NonNullable<Catalog['publication']>;

/** What a check sees: one case of a rule, its table, and the database around them. */
interface Subject {
  readonly watch: Watch;
  readonly table: CatalogTable;
  readonly catalog: Catalog;
  /** To paste, so that no rule of this table has to widen. */
  readonly identitySql: string;
}

interface Problem {
  readonly code: ErrorCode;
  /** The column to blame, if it is one. */
  readonly column?: string;
  readonly severity?: 'warning';
  readonly message: string;
  readonly hint: string;
}

type Check = (subject: Subject) => readonly Problem[];

/** Where a case, or a column in it, stands in its file; `loadRules` gives one that knows columns and lines. */
export type Locate = (watch: Watch, column?: string) => Pick<Finding, 'place' | 'source'>;

/**
 * Are the rules true of this database: tables, columns, kinds, publication, replica identities. Every finding has a
 * place, and SQL to paste where SQL helps. Pure: the catalog is read by somebody else.
 */
export function checkAgainstCatalog(
  ruleSet: RuleSet,
  catalog: Catalog,
  { locate = ({ place }) => ({ place }) }: { readonly locate?: Locate | undefined } = {},
): readonly Finding[] {
  const identities = neededIdentity(ruleSet, catalog);
  const findings = new Map<string, Finding>();
  for (const rule of ruleSet.rules) {
    for (const watch of rule.watches) {
      const table = catalog.tables.get(watch.table);
      const identitySql = identities.get(watch.table)?.sql.join(' ') ?? '';
      const problems = table ? checkWatch({ watch, table, catalog, identitySql }) : [unknownTable(watch, catalog)];
      for (const { code, severity = 'error', message, hint, column } of problems) {
        const finding: Finding = {
          code,
          severity,
          message: `rule ${rule.name}: ${message}`,
          hint,
          ...locate(watch, column),
        };
        findings.set(JSON.stringify([code, finding.message]), finding);
      }
    }
  }
  return [...findings.values()];
}

function checkWatch(subject: Subject): readonly Problem[] {
  const kind = checkKind(subject);
  if (kind.length > 0) return kind;
  return [checkColumns, checkGenerated, checkHeirs, checkPublication, checkIdentity].flatMap((check: Check) =>
    check(subject),
  );
}

function unknownTable({ table }: Watch, { tables }: Catalog): Problem {
  const meant = nearest(table, tables.keys()) ?? sameNameElsewhere(table, tables);
  return {
    code: 'RULE_UNKNOWN_TABLE',
    message: `there is no table ${table}`,
    hint: meant ? `did you mean ${meant}?` : 'write the name exactly as in the catalog, with its schema if not public',
  };
}

function sameNameElsewhere(table: string, tables: Catalog['tables']): string | undefined {
  const name = table.slice(table.indexOf('.') + 1);
  for (const [candidate, there] of tables) if (there.name === name) return candidate;
  return undefined;
}

const checkKind: Check = ({ watch, table }) => {
  if (table.kind === 'table' || table.kind === 'partitioned') return [];
  const hint = table.root
    ? `watch ${table.root}: changes of its partitions come under its name`
    : table.kind === 'unlogged'
      ? `alter table ${quoteTable(table)} set logged;`
      : 'watch the tables that the rows are stored in';
  const what = table.kind === 'other' ? 'no table' : `${/^[aeiou]/.test(table.kind) ? 'an' : 'a'} ${kindText(table)}`;
  return [{ code: 'RULE_TABLE_KIND', message: `${watch.table} is ${what}: its changes are not in the stream`, hint }];
};

function kindText({ kind }: CatalogTable): string {
  return ['foreign', 'unlogged', 'temporary'].includes(kind) ? `${kind} table` : kind;
}

const checkColumns: Check = ({ watch, table }) => {
  const names = table.columns.map((column) => column.name);
  const meant = (column: string) => nearest(column, names);
  const problems: Problem[] = [];
  for (const [placeholder, columns] of watch.bind) {
    for (const column of columns.filter((one) => !names.includes(one))) {
      const near = meant(column);
      if (column !== placeholder) problems.push(unknownColumn(watch, column, near));
      else
        problems.push({
          code: 'RULE_UNBOUND_PLACEHOLDER',
          column,
          message: `\${${placeholder}} is not filled: ${watch.table} has no column of that name, and no bind says which`,
          hint: `bind: { ${placeholder}: ${near ?? `<one of ${names.join(', ')}>`} }`,
        });
    }
  }
  const tested = [...watch.where, ...watch.becomes].map((test) => test.column);
  for (const column of [...(watch.columns ?? []), ...(watch.ignore ?? []), ...tested])
    if (!names.includes(column)) problems.push(unknownColumn(watch, column, meant(column)));
  return problems;
};

function unknownColumn({ table }: Watch, column: string, near: string | undefined): Problem {
  const hint = near ? `did you mean ${near}?` : 'write the name exactly as in the catalog';
  return { code: 'RULE_UNKNOWN_COLUMN', message: `${table} has no column ${column}`, hint, column };
}

/** Columns whose values a case needs: to ignore one, nothing has to be known of it. */
function neededColumns(watch: Watch): readonly string[] {
  const tests = [...watch.where, ...watch.becomes].map((test) => test.column);
  return [...new Set([...[...watch.bind.values()].flat(), ...(watch.columns ?? []), ...tests])];
}

const checkGenerated: Check = ({ watch, table, catalog }) => {
  const { publication, version } = catalog;
  const needed = new Set(neededColumns(watch));
  return table.columns.flatMap(({ name, generated }): readonly Problem[] => {
    if (!generated || !needed.has(name)) return [];
    const sendable = version >= 18 && generated === 'stored';
    if (sendable && (!publication || publication.generatedColumns || table.published?.columns?.includes(name)))
      return [];
    const hint =
      sendable && publication?.exists
        ? `alter publication ${quoteIdentifier(publication.name)} set (publish_generated_columns = stored);`
        : 'use the columns that it is generated from';
    const message = `${watch.table}.${name} is a generated column (${generated}), which the stream does not carry`;
    return [{ code: 'RULE_GENERATED_COLUMN', message, hint, column: name }];
  });
};

/** https://www.postgresql.org/docs/current/ddl-inherit.html */
const checkHeirs: Check = ({ watch, table }) => {
  if (!table.heirs?.length) return [];
  const message = `${table.heirs.join(', ')} inherit from ${watch.table}, and their changes do not come under its name`;
  return [
    {
      code: 'RULE_INHERITED',
      severity: 'warning',
      message,
      hint: 'watch them too, or leave it if rows of theirs are in no key',
    },
  ];
};

const checkPublication: Check = (subject) => {
  const { publication } = subject.catalog;
  if (!publication) return [];
  if (!publication.exists) {
    const message = `the publication ${publication.name} does not exist, so no change of ${subject.watch.table} is sent`;
    return [{ code: 'RULE_TABLE_NOT_PUBLISHED', severity: 'warning', message, hint: 'run `unstale setup`' }];
  }
  return [...checkPublished(subject, publication), ...checkPublishedColumns(subject, publication)];
};

function checkPublished({ watch, table }: Subject, publication: Publication): readonly Problem[] {
  const code = 'RULE_TABLE_NOT_PUBLISHED';
  const alter = `alter publication ${quoteIdentifier(publication.name)}`;
  const called = `the publication ${publication.name}`;
  if (!table.published) {
    const hint = `run \`unstale setup\`, or: ${alter} add table only ${quoteTable(table)};`;
    return [{ code, message: `${watch.table} is not in ${called}`, hint }];
  }
  const problems: Problem[] = [];
  const lacking = [...watch.ops].filter((op) => !publication.operations.includes(op));
  if (lacking.length > 0) {
    const hint = `${alter} set (publish = 'insert, update, delete, truncate');`;
    problems.push({ code, message: `${called} does not send ${lacking.join(', ')}`, hint });
  }
  if (table.kind === 'partitioned' && !publication.viaRoot) {
    const hint = `${alter} set (publish_via_partition_root = true);`;
    problems.push({ code, message: `${called} sends changes of ${watch.table} under its partitions' names`, hint });
  }
  if (table.published.rowFilter !== undefined) {
    const message = `${called} sends only rows of ${watch.table} where ${table.published.rowFilter}`;
    const hint = `${alter} drop table ${quoteTable(table)}; ${alter} add table only ${quoteTable(table)};`;
    problems.push({ code, severity: 'warning', message, hint });
  }
  return problems;
}

/** With `ignore` every other column has to be seen: an update that changed only a column that is not sent would pass. */
function checkPublishedColumns({ watch, table }: Subject, publication: Publication): readonly Problem[] {
  const list = table.published?.columns;
  if (!list) return [];
  const ignore = new Set(watch.ignore);
  const plain = table.columns.filter((column) => !column.generated).map((column) => column.name);
  const others = watch.ignore ? plain.filter((column) => !ignore.has(column)) : [];
  const needed = new Set([...neededColumns(watch), ...others]);
  const lacking = plain.filter((column) => needed.has(column) && !list.includes(column));
  if (lacking.length === 0) return [];
  const alter = `alter publication ${quoteIdentifier(publication.name)}`;
  return [
    {
      code: 'RULE_COLUMN_NOT_PUBLISHED',
      message: `the publication ${publication.name} leaves out ${lacking.join(', ')} of ${watch.table}`,
      hint: `${alter} drop table ${quoteTable(table)}; ${alter} add table only ${quoteTable(table)};`,
    },
  ];
}

const checkIdentity: Check = ({ watch, table, catalog, identitySql }) => {
  const sent = sentColumns(table, catalog);
  if (sent.size === 0) {
    const message = `${watch.table} has no replica identity: once it is published, its updates and deletes fail`;
    return [{ code: 'RULE_NO_IDENTITY', message, hint: `add a primary key, or: ${identitySql}` }];
  }
  const needs = oldColumns(watch, table);
  const purposes = ['keys', 'columns', 'ignore', 'where', 'becomes'] as const;
  const lacking = (purpose: keyof OldColumns) => [...new Set(needs[purpose])].filter((column) => !sent.has(column));
  const widened = purposes.filter((purpose) => lacking(purpose).length > 0);
  if (widened.length === 0) return [];
  const columns = [...new Set(widened.flatMap(lacking))].join(', ');
  if (table.identity === 'full') return [falseNulls(watch, columns, identitySql)];
  const message = `the old values of ${columns} of ${watch.table} are not sent: ${widened.map((one) => WIDENED[one]).join('; ')}`;
  return [{ code: 'RULE_IDENTITY_TOO_SMALL', severity: 'warning', message, hint: identitySql }];
};

/**
 * A row of a partition is logged with the identity of the partition but sent with that of the table on top: with `full`
 * there, a column that was not logged arrives as null. The worker takes all nulls of such rows for unknown.
 */
function falseNulls({ table }: Watch, columns: string, identitySql: string): Problem {
  const message = `the old values of ${columns} of ${table} are not sent by all of its partitions: the keys of the old row are searched for in the whole cache`;
  return { code: 'RULE_IDENTITY_TOO_SMALL', severity: 'warning', message, hint: identitySql };
}

/** What happens meanwhile, by what the old values are needed for. */
const WIDENED: Readonly<Record<keyof OldColumns, string>> = {
  keys: 'the keys of the old row are searched for in the whole cache',
  columns: 'updates count whether or not these columns changed',
  ignore: 'updates count whatever they changed',
  where: 'old rows count as passing `where`',
  becomes: 'updates count as a change to what `becomes` names',
};
