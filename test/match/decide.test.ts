import { describe, expect, it } from 'vitest';
import type { Change, Value } from '../../src/core/change.ts';
import { createMatcher, decide } from '../../src/match/index.ts';
import { type CaseSpec, insert, is, isNot, relationOf, remove, row, ruleSetOf, truncate, update } from './rule-set.ts';

const COLUMNS = ['id', 'owner', 'label', 'status'];
const full = relationOf('items', COLUMNS);
const byKey = relationOf('items', COLUMNS, { identity: 'default' });

/** Of a rule with the key `item:${owner}`. */
function verdict(spec: CaseSpec, change: Change): string | undefined {
  const ruleSet = ruleSetOf({ name: 'item', templates: ['item:${owner}'], watch: { items: spec } });
  const [resolved] = createMatcher(ruleSet).resolve(change.relation);
  return resolved && decide(resolved, change);
}

type Values = readonly [Value, Value, Value, Value];
const FIRST: Values = ['1', 'ann', 'x', 'open'];
const whole = (before: Values, after: Values) => update(full, { before: row(...before), after: row(...after) });
const oldNotSent = (after: Values) => update(byKey, { after: row(...after) });
/** Only the key columns of the old row came, as when the key changed. */
const oldKeyOnly = (id: string, after: Values) =>
  update(byKey, { before: row(id, undefined, undefined, undefined), after: row(...after) });

describe('a case without conditions', () => {
  it.each([
    ['an insert', insert(full, row(...FIRST))],
    ['an update', whole(FIRST, ['1', 'ann', 'y', 'open'])],
    ['an update that is known to have changed nothing', whole(FIRST, FIRST)],
    ['an update whose old row was not sent', oldNotSent(FIRST)],
    ['a delete', remove(full, row(...FIRST))],
    ['a truncate', truncate(full)],
  ])('counts %s', (_, change) => {
    expect(verdict({}, change)).toBe('counts');
  });
});

describe('ops', () => {
  it('counts the operations it names and no other', () => {
    const ops = ['insert', 'delete'] as const;
    expect(verdict({ ops }, insert(full, row(...FIRST)))).toBe('counts');
    expect(verdict({ ops }, remove(full, row(...FIRST)))).toBe('counts');
    expect(verdict({ ops }, whole(FIRST, ['1', 'bob', 'y', 'open']))).toBe('other-operation');
    expect(verdict({ ops }, truncate(full))).toBe('other-operation');
  });
});

describe('columns', () => {
  const columns = ['label'];
  it.each([
    ['counts an update that changed one of them', whole(FIRST, ['1', 'ann', 'y', 'open']), 'counts'],
    ['passes an update that changed only others', whole(FIRST, ['1', 'ann', 'x', 'shut']), 'columns-unchanged'],
    ['passes an update that is known to have changed nothing', whole(FIRST, FIRST), 'columns-unchanged'],
    ['always counts a change of a column that fills a placeholder', whole(FIRST, ['1', 'bob', 'x', 'open']), 'counts'],
    ['counts a value that becomes null', whole(FIRST, ['1', 'ann', null, 'open']), 'counts'],
    ['counts an update whose old row was not sent', oldNotSent(FIRST), 'counts'],
    ['counts an update of which only the old key was sent', oldKeyOnly('0', FIRST), 'counts'],
    ['passes an unchanged TOAST value', whole(FIRST, ['1', 'ann', undefined, 'shut']), 'columns-unchanged'],
    ['counts every insert', insert(full, row(...FIRST)), 'counts'],
    ['counts every delete', remove(full, row(...FIRST)), 'counts'],
    ['counts every truncate', truncate(full), 'counts'],
  ])('%s', (_, change, expected) => {
    expect(verdict({ columns }, change)).toBe(expected);
  });

  it('passes an update without old row only if all of them are known to be equal', () => {
    const unchangedToast = oldNotSent(['1', undefined, undefined, 'shut']);
    expect(verdict({ columns }, unchangedToast)).toBe('columns-unchanged');
    expect(verdict({ columns: ['id'], bind: { owner: ['id'] } }, oldNotSent(FIRST))).toBe('columns-unchanged');
    expect(verdict({ columns: ['id'], bind: { owner: ['id'] } }, oldKeyOnly('0', FIRST))).toBe('counts');
  });

  it('counts every update if the table has no such column, for nothing is known of it', () => {
    expect(verdict({ columns: ['gone'] }, whole(FIRST, FIRST))).toBe('counts');
  });
});

describe('ignore', () => {
  const ignore = ['label', 'status'];
  it.each([
    ['passes an update that changed only those', whole(FIRST, ['1', 'ann', 'y', 'shut']), 'only-ignored-changed'],
    ['counts an update that changed another too', whole(FIRST, ['2', 'ann', 'y', 'open']), 'counts'],
    ['counts an update whose old row was not sent', oldNotSent(FIRST), 'counts'],
    ['counts every insert', insert(full, row(...FIRST)), 'counts'],
    ['counts every delete', remove(full, row(...FIRST)), 'counts'],
    ['counts every truncate', truncate(full), 'counts'],
  ])('%s', (_, change, expected) => {
    expect(verdict({ ignore }, change)).toBe(expected);
  });

  it('cannot hide a column that fills a placeholder', () => {
    expect(verdict({ ignore: ['owner'] }, whole(FIRST, ['1', 'bob', 'x', 'open']))).toBe('counts');
  });
});

describe('where', () => {
  const where = [is('status', 'open')];
  const shut: Values = ['1', 'ann', 'x', 'shut'];
  it.each([
    ['counts an insert that has it', insert(full, row(...FIRST)), 'counts'],
    ['passes an insert that has it not', insert(full, row(...shut)), 'where-held-by-neither'],
    ['counts an update if the new row has it', whole(shut, FIRST), 'counts'],
    ['counts an update if the old row had it', whole(FIRST, shut), 'counts'],
    ['passes an update if neither has it', whole(shut, ['1', 'bob', 'y', 'shut']), 'where-held-by-neither'],
    ['counts an update whose old row was not sent', oldNotSent(shut), 'counts'],
    ['counts an update of which only the old key was sent', oldKeyOnly('0', shut), 'counts'],
    ['counts a delete that had it', remove(full, row(...FIRST)), 'counts'],
    ['passes a delete that had it not', remove(full, row(...shut)), 'where-held-by-neither'],
    [
      'counts a delete of which only the key was sent',
      remove(byKey, row('1', undefined, undefined, undefined)),
      'counts',
    ],
    ['counts a truncate', truncate(full), 'counts'],
    ['counts an unchanged TOAST value that nobody sent', oldNotSent(['1', 'ann', 'x', undefined]), 'counts'],
    [
      'knows an unchanged TOAST value by the old row',
      whole(shut, ['1', 'ann', 'y', undefined]),
      'where-held-by-neither',
    ],
  ])('%s', (_, change, expected) => {
    expect(verdict({ where }, change)).toBe(expected);
  });

  it('wants all its tests on the same row', () => {
    const both = [is('status', 'open'), is('label', 'x')];
    const crossed = whole(['1', 'ann', 'y', 'open'], ['1', 'ann', 'x', 'shut']);
    expect(verdict({ where: both }, crossed)).toBe('where-held-by-neither');
    expect(verdict({ where: both }, whole(['1', 'ann', 'x', 'open'], shut))).toBe('counts');
  });

  it('takes null for a value', () => {
    const none = insert(full, row('1', 'ann', null, null));
    expect(verdict({ where: [is('status', null)] }, none)).toBe('counts');
    expect(verdict({ where: [is('status', 'open', null)] }, none)).toBe('counts');
    expect(verdict({ where: [is('status', 'open')] }, none)).toBe('where-held-by-neither');
    expect(verdict({ where: [isNot('status', null)] }, none)).toBe('where-held-by-neither');
    expect(verdict({ where: [isNot('status', 'open')] }, none)).toBe('counts');
    expect(verdict({ where: [isNot('status', null)] }, insert(full, row(...FIRST)))).toBe('counts');
  });

  it('holds for a column that the table lacks, for nothing is known of it', () => {
    expect(verdict({ where: [is('gone', 'x')] }, insert(full, row(...FIRST)))).toBe('counts');
  });
});

describe('becomes', () => {
  const becomes = [is('status', 'done')];
  const done: Values = ['1', 'ann', 'x', 'done'];
  it.each([
    ['counts an update to it', whole(FIRST, done), 'counts'],
    ['passes an update of a row that had it', whole(done, ['1', 'bob', 'y', 'done']), 'did-not-become'],
    ['passes an update away from it', whole(done, FIRST), 'did-not-become'],
    ['counts an insert that has it', insert(full, row(...done)), 'counts'],
    ['passes an insert that has it not', insert(full, row(...FIRST)), 'did-not-become'],
    ['passes a delete, which has no new row', remove(full, row(...done)), 'did-not-become'],
    ['passes a truncate, which has no new row', truncate(full), 'did-not-become'],
    ['counts an old value that was not sent', oldNotSent(done), 'counts'],
    ['counts an old value of which only the key was sent', oldKeyOnly('0', done), 'counts'],
    ['passes an unchanged TOAST value: as it is, it was', oldNotSent(['1', 'ann', 'x', undefined]), 'did-not-become'],
    ['passes a row without old values that has it not', oldNotSent(FIRST), 'did-not-become'],
  ])('%s', (_, change, expected) => {
    expect(verdict({ becomes }, change)).toBe(expected);
  });

  it('counts when the last of several tests comes true', () => {
    const both = [is('status', 'done'), is('label', 'x')];
    expect(verdict({ becomes: both }, whole(['1', 'ann', 'y', 'done'], done))).toBe('counts');
    expect(verdict({ becomes: both }, whole(done, ['1', 'bob', 'x', 'done']))).toBe('did-not-become');
    expect(verdict({ becomes: both }, whole(FIRST, ['1', 'ann', 'y', 'done']))).toBe('did-not-become');
  });

  it('counts when one came true and another is an unchanged TOAST value that was not sent', () => {
    const both = [is('status', 'done'), is('label', 'x')];
    const sent = update(full, {
      before: row('1', 'ann', undefined, 'open'),
      after: row('1', 'ann', undefined, 'done'),
    });
    expect(verdict({ becomes: both }, sent)).toBe('counts');
  });

  it('may be of a column that the table lacks: then it counts every update and insert, but still no delete or truncate', () => {
    const gone = [is('gone', 'x')];
    expect(verdict({ becomes: gone }, whole(FIRST, FIRST))).toBe('counts');
    expect(verdict({ becomes: gone }, insert(full, row(...FIRST)))).toBe('counts');
    expect(verdict({ becomes: gone }, remove(full, row(...FIRST)))).toBe('did-not-become');
    expect(verdict({ becomes: gone }, truncate(full))).toBe('did-not-become');
  });

  it('counts `not` when the value leaves', () => {
    expect(verdict({ becomes: [isNot('status', 'open')] }, whole(FIRST, done))).toBe('counts');
    expect(verdict({ becomes: [isNot('status', 'open')] }, whole(done, FIRST))).toBe('did-not-become');
  });
});

describe('several conditions in one case', () => {
  it('must all hold', () => {
    const spec: CaseSpec = { columns: ['label'], where: [is('status', 'open')], becomes: [is('label', 'y')] };
    expect(verdict(spec, whole(FIRST, ['1', 'ann', 'y', 'open']))).toBe('counts');
    expect(verdict(spec, whole(FIRST, ['1', 'ann', 'x', 'shut']))).toBe('columns-unchanged');
    expect(verdict(spec, whole(['1', 'ann', 'x', 'shut'], ['1', 'ann', 'y', 'shut']))).toBe('where-held-by-neither');
    expect(verdict(spec, whole(FIRST, ['1', 'ann', 'z', 'open']))).toBe('did-not-become');
  });
});
