import type { Needing } from '../config/settings.ts';
import { quoteIdentifier } from '../core/catalog.ts';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import type { Log, Sql } from '../core/ports.ts';
import { readCatalog } from '../db/catalog.ts';
import { refusePooler } from '../db/pooler.ts';
import { checkAgainstCatalog } from '../plan/catalog-checks.ts';
import type { Owed } from '../redis/index.ts';
import type { RuleSet } from '../rules/index.ts';
import { ensurePublication, publicationSql, readPublication, tableName } from '../wal/publication.ts';
import { createSlot, readSlot } from '../wal/slot.ts';

/** What a server says of itself and of the role. */
export interface Server {
  readonly version: number;
  readonly wal_level: string;
  readonly role: string;
  readonly replication: boolean;
}

/**
 * `rds_replication` and the like: managed servers grant replication through a role.
 * https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PostgreSQL.Replication.Logical.html
 */
const SERVER = `
  select current_setting('server_version_num')::int / 10000 as version, current_setting('wal_level') as wal_level,
    current_user::text as role,
    (select rolreplication or rolsuper or exists (
      select from pg_auth_members m join pg_roles g on g.oid = m.roleid
      where m.member = r.oid and g.rolname in ('rds_replication', 'alloydbreplica'))
    from pg_roles r where rolname = current_user) as replication`;

/** Throws what makes the server or the role unfit, with the statement that mends it. */
export async function requireServer(sql: Sql, databaseUrl: string): Promise<void> {
  await refusePooler(databaseUrl);
  const [server] = await sql.query<Server>(SERVER);
  if (!server) throw new UnstaleError('DATABASE_QUERY', 'the server says nothing about itself');
  judgeServer(server);
}

export function judgeServer({ version, wal_level, role, replication }: Server): void {
  if (version < 14)
    throw new UnstaleError('DATABASE_TOO_OLD', `the server is Postgres ${version}, 14 or newer is needed`);
  if (wal_level !== 'logical')
    throw new UnstaleError('WAL_LEVEL_NOT_LOGICAL', `wal_level is ${wal_level}, not logical`);
  if (replication) return;
  const name = quoteIdentifier(role);
  throw new UnstaleError('REPLICATION_NOT_ALLOWED', `the role ${role} may not replicate`, {
    hint: `run as a superuser: alter role ${name} replication (Amazon RDS: grant rds_replication to ${name})`,
  });
}

/** Every table that a rule watches, `schema.name`, sorted. */
export const watchedTables = (ruleSet: RuleSet): readonly string[] => [...ruleSet.byTable.keys()].sort();

/**
 * Makes sure that what the rules watch is streamed. Tables that are new in the rules are added to the publication
 * where the role may do that; else TABLES_NOT_PUBLISHED says with which SQL its owner does.
 */
export async function requirePublication(
  sql: Sql,
  name: string,
  of: { ruleSet: RuleSet; log: Log; readOnly?: boolean },
): Promise<void> {
  const publication = await readPublication(sql, name);
  if (!publication) throw new UnstaleError('PUBLICATION_MISSING', `there is no publication ${name} in this database`);
  const missing = watchedTables(of.ruleSet).filter((table) => !publication.tables.includes(table));
  if (missing.length === 0) return;
  const tables = missing.map(tableName);
  try {
    if (of.readOnly) throw new Error('a dry run changes nothing');
    await ensurePublication(sql, name, tables);
    of.log.info({ tables: missing }, 'tables added to the publication');
  } catch (error) {
    const text = `the publication ${name} lacks ${missing.join(', ')}: ${messageOf(error)}`;
    const sqlText = publicationSql(name, tables.slice(0, 1)).at(-1);
    const hint = `run \`unstale setup\` as the owner of the tables (\`unstale setup --print\` shows the SQL: ${sqlText} ...)`;
    throw new UnstaleError('TABLES_NOT_PUBLISHED', text, { hint, cause: error });
  }
}

/**
 * What has to hold before a tail streams: server and role, rules against the catalog, publication, slot. Where the slot
 * is missing, UNSTALE_ON_GAP decides: SLOT_MISSING, or it is made. `gap`: a resync is owed, since what changed before the
 * slot was made is unknown; perhaps by a worker that did not get that far.
 */
export async function prepareTail(
  sql: Sql,
  settings: Needing<'databaseUrl'>,
  of: { ruleSet: RuleSet; log: Log; owed: Owed },
): Promise<{ gap: boolean }> {
  await requireServer(sql, settings.databaseUrl);
  await requireFit(sql, settings.name, of);
  await requirePublication(sql, settings.name, of);
  if (!(await readSlot(sql, settings.name))) {
    const text = `the replication slot ${settings.name} does not exist`;
    if (settings.onGap === 'halt') throw new UnstaleError('SLOT_MISSING', `${text}, and UNSTALE_ON_GAP is halt`);
    // First the note, then the slot: were it the other way round, a kill in between would leave no trace of the gap.
    await of.owed.set(text);
    await createSlot(sql, settings.name);
    of.log.warn({ slot: settings.name }, 'the slot was missing and has been made; every family is invalidated');
    return { gap: true };
  }
  // A queue that is away is waited for later; then there is nothing owed that it could tell.
  return { gap: await of.owed.isOwed().catch(() => false) };
}

/** Findings that do not stop a worker: the publication is looked at by itself, what is not sent is widened. */
const BEARABLE = ['RULE_TABLE_NOT_PUBLISHED', 'RULE_IDENTITY_TOO_SMALL'];

/** Throws RULES_INVALID, with findings, where the rules speak of tables or columns that are not there. */
export async function requireFit(
  sql: Sql,
  name: string,
  { ruleSet, log }: { ruleSet: RuleSet; log: Log },
): Promise<void> {
  const findings = checkAgainstCatalog(ruleSet, await readCatalog(sql, name));
  const errors = findings.filter(({ code, severity }) => severity === 'error' && !BEARABLE.includes(code));
  if (errors.length > 0)
    throw new UnstaleError('RULES_INVALID', 'the rules do not fit the database', { findings: errors });
  for (const { code, message, hint } of findings)
    log.warn({ code, finding: message, hint }, 'the database widens what rules touch');
}
