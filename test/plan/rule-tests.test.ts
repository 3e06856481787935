import { describe, expect, it } from 'vitest';
import { runRuleTest } from '../../src/plan/rule-tests.ts';
import type { RuleTest, TestChange } from '../../src/rules/compiled.ts';
import { is, type RuleSpec, ruleSetOf } from '../match/rule-set.ts';

const PLACE = { file: 'rules.test.yaml', line: 1, column: 1 };
const lists: RuleSpec = { name: 'lists', templates: ['pm:children:${project_id}'], watch: { branches: {} } };
const detail: RuleSpec = { name: 'detail', templates: ['pm:branch:${id}'], watch: { branches: {} } };

type ChangeSpec = Omit<TestChange, 'table' | 'unsent'> & Partial<Pick<TestChange, 'table' | 'unsent'>>;

function run(specs: readonly RuleSpec[], changes: readonly ChangeSpec[], expected: RuleTest['expect']) {
  return runRuleTest(ruleSetOf(...specs), {
    name: 'a test',
    place: PLACE,
    given: new Map(),
    changes: changes.map((change) => ({ table: 'public.branches', unsent: [], ...change })),
    expect: expected,
  });
}

const PASSED = { ok: true, missing: [], extra: [] };

describe('a rule test', () => {
  it('passes if exactly the expected keys are touched', () => {
    const moved: ChangeSpec = { op: 'update', row: { id: '10', project_id: '2' }, was: { project_id: '1' } };
    const expected = { delete: ['pm:branch:10', 'pm:children:1', 'pm:children:2'] };
    expect(run([lists, detail], [moved], expected)).toEqual(PASSED);
  });

  it('fails with what is missing and what is too much', () => {
    const result = run([detail], [{ op: 'insert', row: { id: '10' } }], { delete: ['pm:branch:11'], scan: ['pm:*'] });
    expect(result).toEqual({
      ok: false,
      missing: [
        { verb: 'delete', key: 'pm:branch:11' },
        { verb: 'scan', key: 'pm:*' },
      ],
      extra: [{ verb: 'delete', key: 'pm:branch:10' }],
    });
  });

  it('does not take one verb for another', () => {
    const result = run([detail], [{ op: 'insert', row: { id: '10' } }], { clear: ['pm:branch:10'] });
    expect(result).toMatchObject({ missing: [{ verb: 'clear' }], extra: [{ verb: 'delete' }] });
  });

  it('can expect nothing', () => {
    expect(run([detail], [{ op: 'insert', table: 'public.others', row: { id: '1' } }], {})).toEqual(PASSED);
    expect(run([detail], [{ op: 'insert', row: { id: '1' } }], {}).ok).toBe(false);
  });

  it('takes an update without `was` for one whose old row was not sent: only `id` is known to be as it was', () => {
    const unsent: ChangeSpec = { op: 'update', row: { id: '10', project_id: '2' } };
    const expected = { delete: ['pm:branch:10', 'pm:children:2'], scan: ['pm:children:*'] };
    expect(run([lists, detail], [unsent], expected)).toEqual(PASSED);
  });

  it('takes columns that are absent from `was` as they are in `row`, so an empty one changed nothing', () => {
    const narrow: RuleSpec = { ...detail, watch: { branches: { columns: ['name'] } } };
    const row = { id: '10', name: 'a' };
    expect(run([narrow], [{ op: 'update', row, was: {} }], {})).toEqual(PASSED);
    expect(run([narrow], [{ op: 'update', row, was: { name: 'b' } }], { delete: ['pm:branch:10'] })).toEqual(PASSED);
    expect(run([narrow], [{ op: 'update', row }], { delete: ['pm:branch:10'] })).toEqual(PASSED);
  });

  it('takes a column that is absent from `row` for null, which gives no key', () => {
    expect(run([lists], [{ op: 'insert', row: { id: '10' } }], {})).toEqual(PASSED);
    const orphans: RuleSpec = { ...detail, watch: { branches: { where: [is('project_id', null)] } } };
    expect(run([orphans], [{ op: 'insert', row: { id: '10' } }], { delete: ['pm:branch:10'] })).toEqual(PASSED);
  });

  it('widens what was not sent, in deletes too, unless `was` names it', () => {
    const unsent = ['project_id'];
    const scan = { scan: ['pm:children:*'] };
    expect(run([lists], [{ op: 'update', row: { id: '1' }, was: { id: '0' }, unsent }], scan)).toEqual(PASSED);
    expect(run([lists], [{ op: 'delete', row: { id: '1' }, unsent }], scan)).toEqual(PASSED);
    const named: ChangeSpec = { op: 'update', row: { id: '1' }, was: { project_id: '7' }, unsent };
    expect(run([lists], [named], { delete: ['pm:children:7'] })).toEqual(PASSED);
  });

  it('lists a truncate under scan, and each family under its own verb', () => {
    const watch = { branches: {} };
    const specs: RuleSpec[] = [
      detail,
      { name: 'set', family: 'index', templates: ['idx:${id}'], watch },
      { name: 'stamp', family: 'version', templates: ['v:${id}'], watch },
      { name: 'stats', family: 'pattern', templates: ['stats:${id}:*'], watch },
    ];
    const inserted = { delete: ['pm:branch:1'], clear: ['idx:1'], bump: ['v:1'], scan: ['stats:1:*'] };
    expect(run(specs, [{ op: 'insert', row: { id: '1' } }], inserted)).toEqual(PASSED);
    expect(run(specs, [{ op: 'truncate' }], { scan: ['pm:branch:*', 'idx:*', 'v:*', 'stats:*:*'] })).toEqual(PASSED);
  });

  it('takes all its changes for one transaction, in which a key is touched once', () => {
    const changes: ChangeSpec[] = [
      { op: 'insert', row: { id: '1' } },
      { op: 'delete', row: { id: '1' } },
      { op: 'insert', row: { id: '2' } },
    ];
    expect(run([detail], changes, { delete: ['pm:branch:1', 'pm:branch:2'] })).toEqual(PASSED);
  });

  it('does not take a column for an inherited property of objects', () => {
    const odd: RuleSpec = { name: 'odd', templates: ['odd:${constructor}'], watch: { branches: {} } };
    expect(run([odd], [{ op: 'insert', row: { id: '1' } }], {})).toEqual(PASSED);
  });
});
