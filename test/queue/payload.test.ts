import { describe, expect, it } from 'vitest';
import { readPayload, salvage } from '../../src/queue/payload.ts';
import { planOf } from './plans.ts';

const payload = { v: 1, tail: 't', n: 7, job: { v: 1, ...planOf('scan', ['a:*'], { epoch: true, ttlMs: 5 }) } };

describe('a payload', () => {
  it('is read as it was written', () => {
    expect(readPayload(JSON.parse(JSON.stringify(payload)))).toEqual(payload);
  });

  it.each([
    [{ ...payload, v: 2 }, 'v'],
    [{ ...payload, job: { ...payload.job, v: 2 } }, 'job.v'],
    [{ ...payload, job: { ...payload.job, steps: [{ verb: 'delete' }] } }, 'job.steps.0'],
    [undefined, 'the job'],
    ['text', 'the job'],
  ])('that is not ours is refused with the place: %j', (data, place) => {
    expect(() => readPayload(data)).toThrow(
      expect.objectContaining({ code: 'QUEUE_JOB_UNREADABLE', message: expect.stringContaining(`: ${place}`) }),
    );
  });

  it('of another version is salvaged if all its keys can be made out, and searches stay searches', () => {
    const steps = [
      { verb: 'polish', keys: ['a'], more: 1 },
      { verb: 'scan', keys: ['b:*'] },
    ];
    const saved = salvage({ v: 3, tail: 't', n: 7, job: { steps } });
    expect(saved).toMatchObject({ tail: 't', n: 7 });
    expect(saved?.job.steps).toMatchObject([
      { verb: 'delete', keys: ['a'] },
      { verb: 'scan', keys: ['b:*'] },
    ]);
  });

  it.each([
    { job: { steps: [] } },
    {
      job: {
        steps: [
          { verb: 'x', keys: ['a'] },
          { verb: 'y', names: ['b'] },
        ],
      },
    },
    { job: { steps: [{ verb: 'x', keys: [1] }] } },
    {},
    null,
  ])('is not salvaged in part: %j', (data) => {
    expect(salvage(data)).toBeUndefined();
  });
});
