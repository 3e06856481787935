import type { Needing } from '../config/settings.ts';
import { UnstaleError } from '../core/errors/index.ts';
import type { Log, Sql } from '../core/ports.ts';
import { readCatalog } from '../db/catalog.ts';
import { openSql } from '../db/sql.ts';
import { checkAgainstCatalog } from '../plan/catalog-checks.ts';
import { neededIdentity } from '../plan/identity.ts';
import { dropPublication, publicationSql, readPublication, tableName } from '../wal/publication.ts';
import { createSlot, createSlotSql, dropSlot, readSlot } from '../wal/slot.ts';
import type { ValidRules } from './checks.ts';
import { requireServer, watchedTables } from './preflight.ts';

export interface SetupResult {
  /** What was run, or with `print` would be: nothing where everything is as it should be. */
  readonly statements: readonly string[];
  readonly warnings: readonly string[];
}

/** What setup mends itself: these findings are no reason to stop. */
const MENDED = ['RULE_TABLE_NOT_PUBLISHED', 'RULE_IDENTITY_TOO_SMALL', 'RULE_NO_IDENTITY'];

/**
 * Brings the database to where the rules need it: replica identities first, so that the first change already comes with
 * its old row; then the publication; then the slot, which decodes nothing that is older than it. Throws RULES_INVALID
 * with findings where rules and database do not fit.
 */
export async function setupDatabase(
  settings: Needing<'databaseUrl'>,
  rules: ValidRules,
  { print, log }: { print: boolean; log: Log },
): Promise<SetupResult> {
  const sql = openSql(settings.databaseUrl, { log, applicationName: `unstale ${settings.name} setup`, max: 1 });
  try {
    await requireServer(sql, settings.databaseUrl);
    const { statements, warnings } = await missing(sql, settings.name, rules);
    if (!print) await apply(sql, settings.name, statements);
    return { statements, warnings };
  } finally {
    await sql.end();
  }
}

async function missing(sql: Sql, name: string, { ruleSet, locate }: ValidRules): Promise<SetupResult> {
  const catalog = await readCatalog(sql, name);
  const findings = checkAgainstCatalog(ruleSet, catalog, { locate }).filter(({ code }) => !MENDED.includes(code));
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    throw new UnstaleError('RULES_INVALID', 'the rules do not fit the database', { findings: errors });
  }
  const identities = [...neededIdentity(ruleSet, catalog).values()];
  const statements = identities.flatMap((one) => one.sql.map((statement) => statement.replace(/;$/, '')));
  const published = await readPublication(sql, name);
  const unpublished = watchedTables(ruleSet).filter((table) => !published?.tables.includes(table));
  const complete = published?.viaRoot && published.operations.length === 4;
  if (!complete || unpublished.length > 0) statements.push(...publicationSql(name, unpublished.map(tableName)));
  if (!(await readSlot(sql, name))) statements.push(createSlotSql(name));
  const full = identities.filter(({ identity }) => identity === 'full').map(({ table }) => table);
  const warnings = findings.map(({ code, message }) => `${code}: ${message}`);
  if (full.length > 0)
    warnings.push(`whole old rows will be logged for ${full.join(', ')}: their updates write more WAL`);
  return { statements, warnings };
}

/** All or nothing, but for the slot, which cannot be made in a transaction that has written. */
async function apply(sql: Sql, name: string, statements: readonly string[]): Promise<void> {
  const slot = createSlotSql(name);
  const others = statements.filter((statement) => statement !== slot);
  // Statements that are sent together are one transaction.
  if (others.length > 0) await sql.query(others.join(';\n'));
  if (statements.includes(slot)) await createSlot(sql, name);
}

/** Drops slot and publication. Throws SLOT_IN_USE while a worker reads from the slot. */
export async function teardownDatabase(
  settings: Needing<'databaseUrl'>,
  log: Log,
): Promise<{ slot: 'dropped' | 'absent'; publication: 'dropped' | 'absent' }> {
  const sql = openSql(settings.databaseUrl, { log, applicationName: `unstale ${settings.name} teardown`, max: 1 });
  try {
    const { activePid } = (await readSlot(sql, settings.name)) ?? {};
    if (activePid !== undefined) {
      const text = `the slot ${settings.name} is read through the server process ${activePid}`;
      throw new UnstaleError('SLOT_IN_USE', text, { hint: 'stop the worker first' });
    }
    // The publication first, which takes its owner: who may not drop it keeps the slot too.
    const publication = (await readPublication(sql, settings.name)) ? 'dropped' : 'absent';
    await dropPublication(sql, settings.name);
    return { slot: await dropSlot(sql, settings.name), publication };
  } finally {
    await sql.end();
  }
}
