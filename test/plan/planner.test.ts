import { describe, expect, it } from 'vitest';
import type { Change, Transaction } from '../../src/core/change.ts';
import type { Plan, Step } from '../../src/core/plan.ts';
import { createMatcher } from '../../src/match/index.ts';
import { LONGEST_KEY } from '../../src/plan/fill.ts';
import { createPlanner, createPlanning, type Planned } from '../../src/plan/index.ts';
import { insert, is, type RuleSpec, relationOf, remove, row, ruleSetOf, truncate, update } from '../match/rule-set.ts';

const items = relationOf('items', ['id', 'owner', 'body']);
const byKey = relationOf('items', ['id', 'owner', 'body'], { identity: 'default' });
const byOwner: RuleSpec = { name: 'owned', templates: ['owned:${owner}'], watch: { items: {} } };

function transaction(commitLsn: bigint, ...changes: readonly Change[]): Transaction {
  return { xid: Number(commitLsn), commitLsn, committedAtMs: 0, changes, marks: [], last: true, bytes: 0 };
}

function plan(specs: readonly RuleSpec[], ...changes: readonly Change[]): Planned {
  return createPlanning(ruleSetOf(...specs)).plan([transaction(1n, ...changes)]);
}

/** `verb key`, sorted. */
function touched({ steps }: Plan): readonly string[] {
  return steps.flatMap(({ verb, keys }) => keys.map((key) => `${verb} ${key}`)).toSorted();
}

/** Of a scan. */
const andThen = (found: Step['found']) => ({ found });

const touchedBy = (specs: readonly RuleSpec[], ...changes: readonly Change[]) => touched(plan(specs, ...changes).plan);

describe('a key rule', () => {
  it('touches the key of the new row of an insert and of the old row of a delete', () => {
    expect(touchedBy([byOwner], insert(items, row('1', 'ann', 'x')))).toEqual(['delete owned:ann']);
    expect(touchedBy([byOwner], remove(items, row('1', 'bob', 'x')))).toEqual(['delete owned:bob']);
  });

  it('touches the keys of both rows of an update that moves', () => {
    const move = update(items, { before: row('1', 'ann', 'x'), after: row('1', 'bob', 'x') });
    expect(touchedBy([byOwner], move)).toEqual(['delete owned:ann', 'delete owned:bob']);
  });

  it('touches one key if an update changes none of the columns that it is made of', () => {
    const edit = update(items, { before: row('1', 'ann', 'x'), after: row('1', 'ann', 'y') });
    expect(touchedBy([byOwner], edit)).toEqual(['delete owned:ann']);
  });

  it('searches for the key of an old row that was not sent, and renews its epoch first', () => {
    const { plan: made, stats } = plan([byOwner], update(byKey, { after: row('1', 'ann', 'x') }));
    expect(touched(made)).toEqual(['delete owned:ann', 'scan owned:*']);
    expect(made.steps.find((step) => step.verb === 'scan')).toMatchObject({ ...andThen('delete'), epoch: true });
    expect(made.steps.find((step) => step.verb === 'delete')).not.toHaveProperty('epoch');
    expect(stats).toMatchObject([{ rule: 'owned', changes: 1, keys: { delete: 1, scan: 1 }, widened: { unsent: 1 } }]);
  });

  it('knows that the identity of a row is as it was if no old row was sent', () => {
    const byId: RuleSpec = { name: 'item', templates: ['item:${id}'], watch: { items: {} } };
    expect(touchedBy([byId], update(byKey, { after: row('1', 'ann', 'x') }))).toEqual(['delete item:1']);
  });

  it('takes an unchanged TOAST value from the old row where that was sent', () => {
    const byBody: RuleSpec = { name: 'body', templates: ['body:${body}'], watch: { items: {} } };
    const sent = update(items, { before: row('1', 'ann', 'long'), after: row('1', 'bob', undefined) });
    expect(touchedBy([byBody], sent)).toEqual(['delete body:long']);
    const unsent = update(byKey, { after: row('1', 'bob', undefined) });
    expect(touchedBy([byBody], unsent)).toEqual(['scan body:*']);
  });

  it('gives no key for a null, but the key of the other row all the same', () => {
    expect(touchedBy([byOwner], insert(items, row('1', null, 'x')))).toEqual([]);
    const adopted = update(items, { before: row('1', null, 'x'), after: row('1', 'ann', 'x') });
    expect(touchedBy([byOwner], adopted)).toEqual(['delete owned:ann']);
  });

  it('widens every placeholder of a truncate, and knows constant keys exactly', () => {
    const mixed: RuleSpec = { name: 'mixed', templates: ['owned:${owner}:${id}', 'all-items'], watch: { items: {} } };
    expect(touchedBy([mixed], truncate(items))).toEqual(['delete all-items', 'scan owned:*:*']);
  });

  it('never takes a value for a pattern, not even beside a widened one', () => {
    const specs: RuleSpec[] = [{ name: 'r', templates: ['r:${owner}:${body}'], watch: { items: {} } }];
    expect(touchedBy(specs, insert(items, row('1', '*?[a]\\', 'x')))).toEqual(['delete r:*?[a]\\:x']);
    expect(touchedBy(specs, remove(byKey, row('1', '*?[a]\\', undefined)))).toEqual(['scan r:\\*\\?\\[a\\]\\\\:*']);
  });

  it('fills a placeholder from every column that is bound to it', () => {
    const pair: RuleSpec = {
      name: 'user',
      templates: ['user:${u}'],
      watch: { items: { bind: { u: ['owner', 'body'] } } },
    };
    const change = update(items, { before: row('1', 'ann', 'bob'), after: row('1', 'ann', null) });
    expect(touchedBy([pair], change)).toEqual(['delete user:ann', 'delete user:bob']);
  });

  it('searches for the keys of a column that the table lacks', () => {
    const gone: RuleSpec = { name: 'gone', templates: ['gone:${slug}:${id}'], watch: { items: {} } };
    const { plan: made } = plan([gone], update(items, { before: row('1', 'a', 'x'), after: row('2', 'a', 'x') }));
    expect(touched(made)).toEqual(['scan gone:*:1', 'scan gone:*:2']);
  });

  it('searches by its beginning for a key that is too long for a queue, and leaves the family alone', () => {
    const { plan: made, stats } = plan([byOwner], insert(items, row('1', 'a'.repeat(LONGEST_KEY), 'x')));
    expect(touched(made)).toEqual([`scan owned:${'a'.repeat(1024 - 'owned:'.length)}*`]);
    expect(stats).toMatchObject([{ widened: { limit: 1 } }]);
  });
});

describe('the other families', () => {
  const family = (name: 'index' | 'version' | 'pattern', template: string, more: object = {}): RuleSpec => ({
    name,
    family: name,
    templates: [template],
    watch: { items: {} },
    ...more,
  });
  const change = insert(items, row('1', 'ann', 'x'));

  it('clear the set of an index rule, after renewing its epoch', () => {
    const specs = [family('index', 'idx:${owner}')];
    expect(plan(specs, change).plan.steps).toEqual([
      { rule: 'index', verb: 'clear', keys: ['idx:ann'], causes: [0], epoch: true },
    ]);
    expect(plan(specs, truncate(items)).plan.steps).toMatchObject([
      { verb: 'scan', keys: ['idx:*'], ...andThen('clear'), epoch: true },
    ]);
  });

  it('bump the stamp of a version rule, which lives as long as the rule says', () => {
    const specs = [family('version', 'v:${owner}', { ttlMs: 5000 })];
    expect(plan(specs, change).plan.steps).toEqual([
      { rule: 'version', verb: 'bump', keys: ['v:ann'], causes: [0], ttlMs: 5000 },
    ]);
    expect(plan(specs, truncate(items)).plan.steps).toMatchObject([
      { verb: 'scan', keys: ['v:*'], ...andThen('bump'), ttlMs: 5000, epoch: true },
    ]);
  });

  it('scan for the keys of a pattern rule, after renewing its epoch', () => {
    expect(plan([family('pattern', 'p:${owner}:*')], change).plan.steps).toEqual([
      { rule: 'pattern', verb: 'scan', keys: ['p:ann:*'], causes: [0], ...andThen('delete'), epoch: true },
    ]);
    expect(plan([family('pattern', 'p:${owner}:*')], change).stats).toMatchObject([{ widened: {} }]);
  });
});

describe('a plan', () => {
  const change = insert(items, row('1', 'ann', 'x'));

  it('holds a key once, with the newest transaction that touched it, in whatever order they come', () => {
    const again = () => insert(items, row('1', 'ann', 'x'));
    const changes = [transaction(7n, again()), transaction(9n, again(), again()), transaction(8n, again())];
    for (const order of [changes, changes.toReversed()]) {
      const { plan: made, stats } = createPlanning(ruleSetOf(byOwner)).plan(order);
      expect(made.steps).toMatchObject([{ keys: ['owned:ann'] }]);
      expect(made.causes[made.steps[0]?.causes[0] ?? -1]).toEqual({ lsn: '0/9', xid: 9, committedAtMs: 0 });
      expect(stats).toMatchObject([{ changes: 4, keys: { delete: 1 } }]);
    }
  });

  it('names a transaction once, though it came in slices, and none that touched nothing', () => {
    const planning = createPlanning(ruleSetOf(byOwner));
    const nothing = transaction(8n, insert(relationOf('others', ['id']), row('1')));
    const { plan: made } = planning.plan([transaction(7n, change), nothing, transaction(7n, change)]);
    expect(made.causes.map((cause) => cause.lsn)).toEqual(['0/7']);
  });

  it('is empty for changes that no rule cares about, and starts empty again', () => {
    const planning = createPlanning(ruleSetOf(byOwner));
    planning.plan([transaction(7n, change, truncate(items))]);
    expect(planning.plan([transaction(8n)])).toEqual({ plan: { ruleSet: 'test', causes: [], steps: [] }, stats: [] });
    const { plan: made, stats } = planning.plan([transaction(9n, insert(items, row('2', 'bob', 'x')))]);
    expect(made).toEqual({
      ruleSet: 'test',
      causes: [{ lsn: '0/9', xid: 9, committedAtMs: 0 }],
      steps: [{ rule: 'owned', verb: 'delete', keys: ['owned:bob'], causes: [0] }],
    });
    expect(stats).toEqual([{ rule: 'owned', changes: 1, keys: { delete: 1 }, widened: {} }]);
  });

  it('counts a change once a rule, however many of its cases apply', () => {
    const cases: RuleSpec = { ...byOwner, watch: { items: [{}, { columns: ['body'] }] } };
    expect(plan([cases], change).stats).toMatchObject([{ changes: 1 }]);
  });

  it('touches a key of two rules once, and again after the longest of their pauses', () => {
    const again = (name: string, againAfterMs?: number): RuleSpec => ({
      ...byOwner,
      name,
      ...(againAfterMs !== undefined && { againAfterMs }),
    });
    const specs = [again('a'), again('b', 500), again('c', 100)];
    for (const order of [specs, specs.toReversed()]) {
      const { steps } = plan(order, change).plan;
      expect(steps).toMatchObject([{ rule: order[0]?.name, keys: ['owned:ann'], againAfterMs: 500 }]);
    }
  });

  it('keeps keys apart that are deleted again after a pause and keys that are not', () => {
    const specs: RuleSpec[] = [
      byOwner,
      { ...byOwner, name: 'again', againAfterMs: 500, watch: { items: { where: [is('owner', 'ann')] } } },
    ];
    const { steps } = plan(specs, change, insert(items, row('2', 'bob', 'x'))).plan;
    expect(steps).toEqual([
      { rule: 'owned', verb: 'delete', keys: ['owned:ann'], causes: [0], againAfterMs: 500 },
      { rule: 'owned', verb: 'delete', keys: ['owned:bob'], causes: [0] },
    ]);
  });

  it('lets the strongest verb have a key that several rules name', () => {
    const specs: RuleSpec[] = [
      byOwner,
      { name: 'set', family: 'index', templates: ['owned:${owner}'], watch: { items: {} } },
      { name: 'stamp', family: 'version', templates: ['owned:${owner}'], watch: { items: {} } },
    ];
    for (const order of [specs, specs.toReversed()]) expect(touchedBy(order, change)).toEqual(['clear owned:ann']);
    expect(touchedBy([byOwner, ...specs.slice(2)], change)).toEqual(['bump owned:ann']);
  });

  it('keeps the same scan of two rules apart, since each must renew the epoch of its own rule', () => {
    const specs = ['a', 'b'].map(
      (name): RuleSpec => ({ name, family: 'pattern', templates: ['p:*'], watch: { items: {} } }),
    );
    expect(plan(specs, change).plan.steps.map(({ rule, keys, epoch }) => ({ rule, keys, epoch }))).toEqual([
      { rule: 'a', keys: ['p:*'], epoch: true },
      { rule: 'b', keys: ['p:*'], epoch: true },
    ]);
  });

  it('survives a row that cannot be read: its keys are searched for', () => {
    const poison = {
      at: (): string => {
        throw new Error('bad bytes');
      },
    };
    const narrow: RuleSpec = { ...byOwner, watch: { items: { columns: ['body'], where: [is('id', '1')] } } };
    const halfBad = update(items, { before: poison, after: row('1', 'ann', 'x') });
    const allBad = update(items, { before: poison, after: poison });
    for (const bad of [insert(items, poison), remove(items, poison), allBad, halfBad]) {
      const { plan: made, stats } = plan([narrow], bad, change);
      expect(touched(made)).toEqual(['delete owned:ann', 'scan owned:*']);
      expect(stats).toMatchObject([{ changes: 2, widened: { function: expect.any(Number) } }]);
    }
  });

  it('is JSON', () => {
    const { plan: made } = plan([byOwner], change, truncate(items));
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });
});

describe('a rule set of a thousand rules', () => {
  it('costs a change only the rules of its table', () => {
    const specs = Array.from(
      { length: 1000 },
      (_, i): RuleSpec => ({
        name: `r${i}`,
        templates: [`r${i}:\${id}`],
        watch: { [`t${i}`]: {} },
      }),
    );
    const ruleSet = ruleSetOf(...specs);
    const matcher = createMatcher(ruleSet);
    const planner = createPlanner(ruleSet);
    const matches = matcher.match(insert(relationOf('t500', ['id']), row('1')));
    expect(matches).toHaveLength(1);
    planner.add(transaction(1n), matches);
    const steps: readonly Step[] = planner.finish().plan.steps;
    expect(steps).toMatchObject([{ rule: 'r500', keys: ['r500:1'] }]);
  });
});
