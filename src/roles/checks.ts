import type { Needing } from '../config/settings.ts';
import type { Finding } from '../core/errors/index.ts';
import type { Log } from '../core/ports.ts';
import { readCatalog } from '../db/catalog.ts';
import { openSql } from '../db/sql.ts';
import { checkAgainstCatalog } from '../plan/catalog-checks.ts';
import type { LoadedRules, RuleSet } from '../rules/index.ts';

/** Rule files without errors, and where in them things stand. */
export interface ValidRules {
  readonly ruleSet: RuleSet;
  readonly locate: LoadedRules['locate'];
}

/** What the database has against the rules. Rejects where it cannot be reached. */
export async function checkDatabase(
  rules: ValidRules,
  settings: Needing<'databaseUrl'>,
  log: Log,
): Promise<readonly Finding[]> {
  const sql = openSql(settings.databaseUrl, { log, applicationName: `unstale ${settings.name} check`, max: 1 });
  try {
    return checkAgainstCatalog(rules.ruleSet, await readCatalog(sql, settings.name), { locate: rules.locate });
  } finally {
    await sql.end();
  }
}
