import { createHash } from 'node:crypto';
import type { Sql } from '../../core/ports.ts';
import { pick } from '../pick.ts';
import type { System } from '../system.ts';

interface User {
  readonly tenant: string;
  readonly user: string;
}

/** As in seed.sql: ids with separators, glob characters, another tenant's id as prefix, emoji. */
const USERS: readonly User[] = [
  { tenant: 'acme', user: 'u1' },
  { tenant: 'acme', user: 'u2' },
  { tenant: 'acme', user: 'u:1' },
  { tenant: 'acme', user: 'heavy' },
  { tenant: 'a', user: 'b:c' },
  { tenant: 'a:b', user: 'c' },
  { tenant: '*', user: '*' },
  { tenant: '[a]', user: '[*]' },
  { tenant: '😀', user: 'héllo 😀' },
];
const NAMES = ['theme', 'language', 'tone', 'timezone', 'density'];
const CONTEXTS = ['home', 'editor', 'checkout'];

/** Keys as `rules/preferences/preferences.yaml` has them: encoded, so that no two users share one. */
const prefsKey = ({ tenant, user }: User) => `prefs:${encodeURIComponent(tenant)}:${encodeURIComponent(user)}`;
const contextKey = ({ tenant, user }: User, context: string) =>
  `context:${encodeURIComponent(tenant)}:${encodeURIComponent(user)}:${createHash('md5').update(context).digest('hex')}`;
const contextsIndex = ({ tenant, user }: User) => `contexts:${encodeURIComponent(tenant)}:${encodeURIComponent(user)}`;

const PREFS = `select coalesce(jsonb_object_agg(name, value order by name), '{}')::text as value
  from preferences where tenant = $1 and user_id = $2`;
/** What suits a context best: weights depend on the context, so that each has a value of its own. */
const CONTEXT = `select coalesce(jsonb_agg(jsonb_build_array(name, value) order by confidence desc, name), '[]')::text as value
  from (select * from preferences where tenant = $1 and user_id = $2 and name <> $3 order by confidence desc, name limit 20) p`;

/** System 4: preferences per tenant and user, and what is derived from them for a context. */
export const preferences: System = {
  name: 'preferences',

  async write(sql) {
    const { tenant, user } = pick(USERS);
    const name = pick(NAMES);
    const dice = Math.random();
    if (dice < 0.5) {
      await sql.query(
        `insert into preferences (tenant, user_id, name, value) values ($1, $2, $3, to_jsonb($4::text))
         on conflict (tenant, user_id, name) do update set value = excluded.value, updated_at = now()`,
        [tenant, user, name, `v${Math.random()}`],
      );
      return `set ${name} of ${user}`;
    }
    if (dice < 0.85) {
      await sql.query('update preferences set confidence = random() where tenant = $1 and user_id = $2 and name = $3', [
        tenant,
        user,
        name,
      ]);
      return `weigh ${name} of ${user}`;
    }
    if (dice < 0.97) {
      await sql.query('delete from preferences where tenant = $1 and user_id = $2 and name = $3', [tenant, user, name]);
      return `delete ${name} of ${user}`;
    }
    await sql.query(`delete from preferences where tenant = $1 and user_id = $2 and user_id <> 'heavy'`, [
      tenant,
      user,
    ]);
    return `delete all of ${user}`;
  },

  async read(cache, sql) {
    const user = pick(USERS);
    if (Math.random() < 0.5) {
      await cache.get(prefsKey(user), { ttlMs: 300_000 }, () => loadPrefs(sql, user));
      return;
    }
    const context = pick(CONTEXTS);
    const options = { ttlMs: 600_000, index: contextsIndex(user) };
    await cache.get(contextKey(user, context), options, () => loadContext(sql, user, context));
  },

  async fresh(key, sql) {
    for (const user of USERS) {
      if (key === prefsKey(user)) return loadPrefs(sql, user);
      const context = CONTEXTS.find((one) => key === contextKey(user, one));
      if (context) return loadContext(sql, user, context);
    }
    return undefined;
  },
};

const loadPrefs = (sql: Sql, { tenant, user }: User) => text(sql, PREFS, [tenant, user]);
const loadContext = (sql: Sql, { tenant, user }: User, context: string) => text(sql, CONTEXT, [tenant, user, context]);

async function text(sql: Sql, query: string, params: readonly string[]): Promise<string> {
  const [row] = await sql.query<{ value: string }>(query, params);
  return row?.value ?? '';
}
