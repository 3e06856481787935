import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { expand, loadRules, type Rule } from '../../src/rules/index.ts';
import { useDatabase } from '../harness.ts';

const read = (name: string) => readFileSync(`rules/preferences/${name}`, 'utf8');
const { ruleSet, findings } = loadRules(
  ['preferences.yaml', 'preferences.test.yaml'].map((name) => ({ path: name, text: read(name) })),
);

const client = new Client({ connectionString: await useDatabase() });
await client.connect();
afterAll(() => client.end());

const ruleNamed = (name: string): Rule => {
  const rule = ruleSet?.rules.find((one) => one.name === name);
  if (!rule) throw new Error(`no rule ${name}`);
  return rule;
};

/** All keys that a rule has for a user. */
const keysOf = (rule: Rule, tenant: string, user: string) =>
  rule.templates.flatMap((template) => {
    const { keys, patterns } = expand(
      template,
      new Map([
        ['tenant', [tenant]],
        ['user_id', [user]],
      ]),
    );
    expect(patterns).toEqual([]);
    return keys;
  });

describe('the rules of preferences', () => {
  it('are right, with nothing to warn of', () => {
    expect(findings).toEqual([]);
    expect(ruleSet?.tests.length).toBeGreaterThan(5);
  });

  it('give entries a lifetime and a size above which they are compressed', () => {
    expect(ruleNamed('preferences')).toMatchObject({ family: 'key', ttlMs: 300_000, compressBytes: 1024 });
    expect(ruleNamed('contexts')).toMatchObject({ family: 'index', ttlMs: 600_000, compressBytes: 1024 });
  });

  it('watch columns that the schema has, and its seed makes users that never share a key', async () => {
    await client.query(read('schema.sql'));
    await client.query(read('seed.sql'));
    await client.query(read('seed.sql')); // may run twice
    const { rows } = await client.query('select distinct tenant, user_id from preferences');
    expect(rows.length).toBeGreaterThanOrEqual(16);
    for (const rule of ruleSet?.rules ?? []) {
      const keys = rows.flatMap((row) => keysOf(rule, row.tenant, row.user_id));
      expect(new Set(keys).size).toBe(rows.length);
    }
  });

  it('never give two users the same key, whatever stands in their ids', () => {
    const id = fc.string({
      unit: fc.constantFrom('a', 'b', ':', '*', '?', '[', ']', '\\', '%', '3', 'A', ' ', '\u{1f600}'),
      maxLength: 5,
    });
    fc.assert(
      fc.property(id, id, id, id, (tenant, user, otherTenant, otherUser) => {
        const same = tenant === otherTenant && user === otherUser;
        for (const rule of ruleSet?.rules ?? []) {
          const [key] = keysOf(rule, tenant, user);
          expect(key === keysOf(rule, otherTenant, otherUser)[0]).toBe(same);
          expect(key?.split(':')).toHaveLength(3);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
