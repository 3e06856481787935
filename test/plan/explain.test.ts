import { describe, expect, it } from 'vitest';
import { explain, explainTestChange } from '../../src/plan/explain.ts';
import {
  insert,
  is,
  isNot,
  type RuleSpec,
  relationOf,
  remove,
  row,
  ruleSetOf,
  truncate,
  update,
} from '../match/rule-set.ts';

const projects = relationOf('projects', ['id', 'owner_id', 'label', 'status']);
const byKey = relationOf('projects', ['id', 'owner_id', 'label', 'status'], { identity: 'default' });
const owned: RuleSpec = { name: 'owned', templates: ['owned:${owner_id}'], watch: { projects: {} } };
const moved = update(projects, { before: row('7', '1', 'x', 'active'), after: row('7', '2', 'x', 'active') });
const edited = update(projects, { before: row('7', '1', 'x', 'active'), after: row('7', '1', 'y', 'active') });

describe('explain', () => {
  it('says which column changed and which row gave the key', () => {
    expect(explain(ruleSetOf(owned), moved)).toEqual({
      effects: [
        {
          rule: 'owned',
          verb: 'delete',
          key: 'owned:2',
          because: 'update of public.projects changed owner_id: new row',
        },
        {
          rule: 'owned',
          verb: 'delete',
          key: 'owned:1',
          because: 'update of public.projects changed owner_id: old row',
        },
      ],
      passed: [],
    });
    expect(explain(ruleSetOf(owned), edited).effects).toMatchObject([
      { key: 'owned:1', because: 'update of public.projects changed label: old and new row' },
    ]);
  });

  it('says why a key was widened', () => {
    const { effects } = explain(ruleSetOf(owned), update(byKey, { after: row('7', '2', 'x', 'active') }));
    expect(effects).toMatchObject([
      { verb: 'delete', key: 'owned:2' },
      { verb: 'scan', key: 'owned:*', because: expect.stringContaining('old row; widened: owner_id was not sent') },
    ]);
    expect(explain(ruleSetOf(owned), truncate(projects)).effects).toEqual([
      {
        rule: 'owned',
        verb: 'scan',
        key: 'owned:*',
        because: 'truncate of public.projects; widened: a truncate does not say which rows there were',
      },
    ]);
    const lacking = relationOf('projects', ['id']);
    expect(explain(ruleSetOf(owned), insert(lacking, row('7'))).effects).toMatchObject([
      { because: 'insert of public.projects: new row; widened: rows of public.projects come without owner_id' },
    ]);
  });

  it('names the columns that are bound to the placeholder', () => {
    const bound: RuleSpec = {
      ...owned,
      templates: ['u:${u}'],
      watch: { projects: { bind: { u: ['owner_id', 'label'] } } },
    };
    const { effects } = explain(ruleSetOf(bound), remove(byKey, row('7', 'ann', undefined, undefined)));
    expect(effects).toMatchObject([
      { verb: 'delete', key: 'u:ann' },
      { verb: 'scan', key: 'u:*', because: 'delete of public.projects: old row; widened: label was not sent' },
    ]);
  });

  it.each([
    [
      'columns',
      { columns: ['label', 'status'] },
      update(projects, { before: row('7', '1', 'x', 'a'), after: row('7', '1', 'x', 'a') }),
      'only columns label, status (and owner_id, which the key is made of) count and none of them changed',
    ],
    ['ignore', { ignore: ['label'] }, edited, 'nothing changed but what it ignores: label'],
    ['where in an update', { where: [is('status', 'gone')] }, moved, 'where status = gone held for neither row'],
    [
      'where in an insert',
      { where: [isNot('status', 'a', null)] },
      insert(projects, row('7', '1', 'x', null)),
      'where status not in (a, null) held for no row',
    ],
    ['becomes', { becomes: [is('status', 'active')] }, moved, 'the row did not become status = active'],
    [
      'becomes in a delete',
      { becomes: [isNot('status', 'active')] },
      remove(projects, row('7', '1', 'x', 'active')),
      'the row did not become status != active: a delete has no new row',
    ],
    ['ops', { ops: ['insert', 'delete'] as const }, moved, 'counts only insert, delete, and this is an update'],
    [
      'null',
      {},
      insert(projects, row('7', null, 'x', 'a')),
      'counts the insert, but owner_id is null, so there is no key',
    ],
  ])('says why a rule passes: %s', (_, spec, change, because) => {
    const ruleSet = ruleSetOf({ ...owned, watch: { projects: spec } });
    expect(explain(ruleSet, change)).toEqual({ effects: [], passed: [{ rule: 'owned', because }] });
  });

  it('names every rule once: those of other tables too, and all reasons of several cases', () => {
    const other: RuleSpec = { name: 'other', templates: ['o:${id}'], watch: { users: {}, teams: {} } };
    const cases: RuleSpec = {
      ...owned,
      watch: { projects: [{ ops: ['insert'] }, { where: [is('status', 'gone')] }] },
    };
    expect(explain(ruleSetOf(other, cases), moved).passed).toEqual([
      { rule: 'other', because: 'watches other tables: public.users, public.teams' },
      { rule: 'owned', because: 'counts only insert, and this is an update; where status = gone held for neither row' },
    ]);
  });

  it('shows both rules that touch one key, and one key of two cases once', () => {
    const twice: RuleSpec = { ...owned, name: 'twice', watch: { projects: [{}, { columns: ['owner_id'] }] } };
    const { effects } = explain(ruleSetOf(owned, twice), moved);
    expect(effects.map(({ rule, key }) => `${rule} ${key}`)).toEqual([
      'owned owned:2',
      'owned owned:1',
      'twice owned:2',
      'twice owned:1',
    ]);
  });

  it('takes changes as people write them', () => {
    const { effects } = explainTestChange(ruleSetOf(owned), {
      op: 'update',
      table: 'public.projects',
      row: { id: '7', owner_id: '2' },
      was: { owner_id: '1' },
      unsent: [],
    });
    expect(effects.map(({ key }) => key)).toEqual(['owned:2', 'owned:1']);
  });
});
