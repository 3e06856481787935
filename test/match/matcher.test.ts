import { describe, expect, it } from 'vitest';
import { createMatcher } from '../../src/match/index.ts';
import { insert, is, relationOf, row, ruleSetOf } from './rule-set.ts';

const items = relationOf('items', ['id', 'status']);

describe('the matcher', () => {
  it('gives the same empty list for every change that no rule cares about', () => {
    const matcher = createMatcher(
      ruleSetOf({ name: 'open', templates: ['item:${id}'], watch: { items: { where: [is('status', 'open')] } } }),
    );
    const passed = matcher.match(insert(items, row('1', 'shut')));
    const elsewhere = matcher.match(insert(relationOf('others', ['id']), row('1')));
    expect(passed).toEqual([]);
    expect(elsewhere).toBe(passed);
    expect(matcher.match(insert(items, row('2', 'shut')))).toBe(passed);
  });

  it('gives one match for every case that applies, whatever their order', () => {
    const cases = [{ where: [is('status', 'open')] }, {}, { where: [is('status', 'shut')] }];
    for (const order of [cases, cases.toReversed()]) {
      const matcher = createMatcher(ruleSetOf({ name: 'item', templates: ['item:${id}'], watch: { items: order } }));
      expect(matcher.match(insert(items, row('1', 'open')))).toHaveLength(2);
    }
  });

  it('tells tables of different schemas apart', () => {
    const matcher = createMatcher(ruleSetOf({ name: 'item', templates: ['item:${id}'], watch: { items: {} } }));
    const elsewhere = { ...items, schema: 'private', table: 'private.items' };
    expect(matcher.match(insert(elsewhere, row('1', 'open')))).toEqual([]);
    expect(matcher.match(insert(items, row('1', 'open')))).toHaveLength(1);
  });

  it('finds columns by name in each relation anew, so that DDL in the middle of a stream does no harm', () => {
    const matcher = createMatcher(
      ruleSetOf({ name: 'open', templates: ['item:${id}'], watch: { items: { where: [is('status', 'open')] } } }),
    );
    const altered = relationOf('items', ['note', 'status', 'id']);
    expect(matcher.match(insert(items, row('1', 'open')))).toHaveLength(1);
    expect(matcher.match(insert(altered, row('open', 'shut', '1')))).toHaveLength(0);
    expect(matcher.match(insert(items, row('1', 'open')))).toHaveLength(1);
    expect(matcher.match(insert(altered, row(null, 'open', '1')))).toHaveLength(1);
  });

  it('names each column that a table lacks once', () => {
    const matcher = createMatcher(
      ruleSetOf({
        name: 'item',
        templates: ['item:${slug}:${id}'],
        watch: { items: [{ columns: ['title', 'status'] }, { ignore: ['title'] }] },
      }),
    );
    expect(matcher.missingColumns).toEqual([]);
    for (let i = 0; i < 3; i++) matcher.match(insert(relationOf('items', ['id', 'status']), row('1', 'open')));
    expect(matcher.missingColumns).toEqual([
      { rule: 'item', table: 'public.items', column: 'slug' },
      { rule: 'item', table: 'public.items', column: 'title' },
    ]);
  });
});
