import { expect, it } from 'vitest';
import { planFamilies } from '../../src/plan/families.ts';
import { loadRules } from '../../src/rules/index.ts';

const cause = { lsn: '0/1', xid: 0, committedAtMs: 0 };

it('a resync covers every family of every rule once, and renews its epoch', () => {
  const text = `
edition: 1
namespace: shop
rules:
  product: { key: ['product:\${id}', 'all-products'], watch: products }
  lists: { index: 'lists:\${owner}', watch: products }
  stamp: { version: stamp, watch: products }
  stats: { pattern: 'stats:\${id}:*', scan: accept, watch: products }
`;
  const { ruleSet, findings } = loadRules([{ path: 'a.yaml', text }]);
  if (!ruleSet) throw new Error(JSON.stringify(findings));
  const { steps } = planFamilies(ruleSet, cause);
  expect(steps.every((step) => step.epoch)).toBe(true);
  expect(steps.map(({ rule, verb, found, keys }) => [rule, verb, found, keys])).toEqual([
    ['lists', 'scan', 'clear', ['shop:lists:*']],
    ['product', 'delete', undefined, ['shop:all-products']],
    ['product', 'scan', 'delete', ['shop:product:*']],
    ['stamp', 'bump', undefined, ['shop:stamp']],
    ['stats', 'scan', 'delete', ['shop:stats:*:*']],
  ]);
});
