import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Plan, Step } from '../../src/core/plan.ts';
import { splitPlan } from '../../src/plan/jobs.ts';

const CAUSES = Array.from({ length: 5 }, (_, i) => ({ lsn: `0/${i}`, xid: i, committedAtMs: i }));

function step(rule: string, verb: Step['verb'], count: number, more: Partial<Step> = {}): Step {
  const keys = Array.from({ length: count }, (_, i) => `${rule}:${verb}:${i}`);
  return { rule, verb, keys, causes: keys.map((_, i) => i % CAUSES.length), ...more };
}

const planOf = (...steps: readonly Step[]): Plan => ({ ruleSet: 'hash', causes: CAUSES, steps });
const count = (steps: readonly Step[]) => steps.reduce((sum, { keys }) => sum + keys.length, 0);

/** Every touch with all that its step says and the transaction it is for. */
function touches({ steps, causes }: Plan): readonly string[] {
  return steps
    .flatMap(({ keys, causes: of, ...rest }) =>
      keys.map((key, i) =>
        JSON.stringify([key, causes[of[i] ?? -1]?.lsn, Object.entries(rest).map(String).toSorted()]),
      ),
    )
    .toSorted();
}

describe('splitting a plan into jobs', () => {
  it('makes few jobs of many keys, whether of one rule or of a hundred', () => {
    const many = Array.from({ length: 100 }, (_, i) => step(`r${i}`, 'delete', 10));
    for (const plan of [planOf(step('r', 'delete', 1000)), planOf(...many)]) {
      const jobs = splitPlan(plan, { batch: 300 });
      expect(jobs.map(({ job }) => count(job.steps))).toEqual([300, 300, 300, 100]);
    }
  });

  it('keeps long work in a lane of its own', () => {
    const plan = planOf(step('a', 'scan', 1), step('b', 'delete', 1), step('c', 'clear', 1), step('d', 'bump', 1));
    const lanes = splitPlan(plan, { batch: 10 }).map(({ lane, job }) => [lane, job.steps.map(({ verb }) => verb)]);
    expect(lanes).toEqual([
      ['keys', ['delete', 'bump']],
      ['sweep', ['clear']],
      ['sweep', ['scan']],
    ]);
  });

  it('puts patterns of several rules into one job, so that they share a walk', () => {
    const plan = planOf(step('a', 'scan', 2), step('x', 'clear', 1), step('b', 'scan', 1));
    const scans = splitPlan(plan, { batch: 10 }).filter(({ job }) => job.steps.some(({ verb }) => verb === 'scan'));
    expect(scans.map(({ job }) => job.steps.map(({ rule }) => rule))).toEqual([['a', 'b']]);
  });

  it('gives a job only the transactions that its own keys need', () => {
    const plan = planOf({ rule: 'r', verb: 'delete', keys: ['a', 'b', 'c'], causes: [4, 2, 4] });
    const [first, second] = splitPlan(plan, { batch: 2 });
    expect(first?.job).toMatchObject({ causes: [{ lsn: '0/4' }, { lsn: '0/2' }], steps: [{ causes: [0, 1] }] });
    expect(second?.job).toMatchObject({ causes: [{ lsn: '0/4' }], steps: [{ causes: [0] }] });
  });

  it('makes no job of nothing', () => {
    expect(splitPlan(planOf(), { batch: 10 })).toEqual([]);
    expect(splitPlan(planOf(step('r', 'delete', 0)), { batch: 10 })).toEqual([]);
  });

  it('cuts jobs short whose keys are very long, but never to less than a key', () => {
    const long = Array.from({ length: 40 }, (_, i) => `${i}:${'x'.repeat(60_000)}`);
    const plan = planOf({
      rule: 'r',
      verb: 'delete',
      keys: [...long, 'y'.repeat(2_000_000)],
      causes: long.map(() => 0).concat(0),
    });
    const jobs = splitPlan(plan, { batch: 500 });
    expect(jobs.map(({ job }) => count(job.steps))).toEqual([16, 16, 8, 1]);
    expect(jobs.flatMap(({ job }) => touches(job)).toSorted()).toEqual(touches(plan));
  });

  it('loses nothing, doubles nothing, and keeps to the batch', () => {
    const steps = fc.array(
      fc
        .record({
          verb: fc.constantFrom('delete', 'bump', 'clear', 'scan'),
          size: fc.nat(30),
          againAfterMs: fc.option(fc.nat(9), { nil: undefined }),
        })
        .chain(({ verb, size, ...more }) =>
          fc.nat(99).map((name): Step => step(`r${name}`, verb as Step['verb'], size, more)),
        ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 40 }), (some, batch) => {
        const plan = planOf(...some.map((one, i) => ({ ...one, keys: one.keys.map((key) => `${i}:${key}`) })));
        const jobs = splitPlan(plan, { batch });
        expect(jobs.flatMap(({ job }) => touches(job)).toSorted()).toEqual(touches(plan));
        for (const { job } of jobs) {
          expect(count(job.steps)).toBeLessThanOrEqual(batch);
          expect(job.steps.every(({ keys, causes }) => keys.length > 0 && keys.length === causes.length)).toBe(true);
          expect(new Set(job.steps.flatMap(({ causes }) => causes)).size).toBe(job.causes.length);
          expect(new Set(job.causes.map(({ lsn }) => lsn)).size).toBe(job.causes.length);
        }
        const quick = plan.steps.filter(({ verb }) => verb === 'delete' || verb === 'bump');
        expect(jobs.filter(({ lane }) => lane === 'keys')).toHaveLength(Math.ceil(count(quick) / batch));
      }),
    );
  });
});
