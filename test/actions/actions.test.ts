import { describe, expect, it } from 'vitest';
import { ACTIONS } from '../../src/actions/index.ts';
import { settle, worst } from '../../src/actions/settle.ts';
import { UnstaleError } from '../../src/core/errors/index.ts';
import type { Step, Verb } from '../../src/core/plan.ts';
import { writtenHands } from './hands.ts';

const step = (verb: Verb, keys: readonly string[], more: Partial<Step> = {}): Step => ({
  rule: 'r',
  verb,
  keys,
  causes: keys.map(() => 0),
  ...more,
});

function actionOf(verb: Verb) {
  const action = ACTIONS[verb];
  if (!action) throw new Error(`no action ${verb}`);
  return action;
}

/** What happens to the keys that a scan finds. */
function foundAs(found: Step['found'], ttlMs?: number): Partial<Step> {
  return { found, ttlMs };
}

describe('the actions', () => {
  it('are listed by name, sorted, each with its strength and what it is about', () => {
    expect(Object.keys(ACTIONS)).toEqual(Object.keys(ACTIONS).sort());
    for (const [name, action] of Object.entries(ACTIONS)) {
      expect(action.name).toBe(name);
      expect(action.about).toMatch(/^[A-Z].*\.$/);
    }
    const strengths = Object.values(ACTIONS).map(({ strength }) => strength);
    expect(new Set(strengths).size).toBe(strengths.length);
  });

  it('keep long work apart from quick work', () => {
    expect(
      Object.values(ACTIONS)
        .filter(({ lane }) => lane === 'sweep')
        .map(({ name }) => name),
    ).toEqual(['clear', 'scan']);
  });
});

describe('delete', () => {
  it('removes entries', async () => {
    const { hands, calls } = writtenHands();
    expect(await actionOf('delete').execute(hands, step('delete', ['a', 'b']))).toBe(2);
    expect(calls).toEqual([['remove', ['a', 'b']]]);
  });
});

describe('bump', () => {
  it('gives stamps new tokens, also where there are none yet', async () => {
    const { hands, calls } = writtenHands();
    await actionOf('bump').execute(hands, step('bump', ['v'], { ttlMs: 5 }));
    expect(calls).toEqual([['bump', ['v'], { ttlMs: 5, existing: false }]]);
  });

  it('deletes the stamp as the last resort: readers set a fresh one', async () => {
    const { hands, calls } = writtenHands();
    await actionOf('bump').lastResort(hands, step('bump', ['v']));
    expect(calls).toEqual([['remove', ['v']]]);
  });
});

describe('clear', () => {
  it('clears every index and counts the members', async () => {
    const { hands, calls } = writtenHands({ sets: { a: 2, b: 3 } });
    expect(await actionOf('clear').execute(hands, step('clear', ['a', 'b']))).toBe(5);
    expect(calls).toEqual([
      ['clear', 'a'],
      ['clear', 'b'],
    ]);
  });

  it('clears the others although one is no set, and fails all the same', async () => {
    const { hands, calls } = writtenHands({ noSets: ['a'] });
    const execution = actionOf('clear').execute(hands, step('clear', ['a', 'b']));
    await expect(execution).rejects.toMatchObject({ code: 'REDIS_WRONG_TYPE' });
    expect(calls).toEqual([
      ['clear', 'a'],
      ['clear', 'b'],
    ]);
  });

  it('deletes what is no set as the last resort, and only that', async () => {
    const { hands, calls } = writtenHands({ noSets: ['a'] });
    await actionOf('clear').lastResort(hands, step('clear', ['a', 'b']));
    expect(calls).toEqual([
      ['clear', 'a'],
      ['clear', 'b'],
      ['remove', ['a']],
    ]);
  });
});

describe('scan', () => {
  it('deletes what it finds', async () => {
    const { hands, calls } = writtenHands({ keys: ['p:1', 'p:2'] });
    expect(await actionOf('scan').execute(hands, step('scan', ['p:*']))).toBe(2);
    expect(calls).toEqual([
      ['walk', ['p:*']],
      ['remove', ['p:1']],
      ['remove', ['p:2']],
    ]);
  });

  it('bumps only stamps that are there', async () => {
    const { hands, calls } = writtenHands({ keys: ['v:1'] });
    await actionOf('scan').execute(hands, step('scan', ['v:*'], foundAs('bump', 9)));
    expect(calls).toEqual([
      ['walk', ['v:*']],
      ['bump', ['v:1'], { ttlMs: 9, existing: true }],
    ]);
  });

  it('clears the indexes that it finds, and deletes what is none', async () => {
    const { hands, calls } = writtenHands({ keys: ['i:1', 'i:2'], sets: { 'i:1': 4 }, noSets: ['i:2'] });
    expect(await actionOf('scan').execute(hands, step('scan', ['i:*'], foundAs('clear')))).toBe(5);
    expect(calls).toEqual([
      ['walk', ['i:*']],
      ['clear', 'i:1'],
      ['clear', 'i:2'],
      ['remove', ['i:2']],
    ]);
  });
});

describe('several at once', () => {
  it('are all done, and an outage decides before an error that cannot be waited out', async () => {
    const done: number[] = [];
    const bug = new Error('a bug');
    const outage = new UnstaleError('REDIS_TIMEOUT', 'slow');
    const work = async (n: number) => {
      done.push(n);
      if (n === 1) throw bug;
      if (n === 4) throw outage;
      return n;
    };
    await expect(settle([0, 1, 2, 3, 4, 5], work, { atOnce: 2 })).rejects.toBe(outage);
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
    expect(worst([bug])).toBe(bug);
  });
});
