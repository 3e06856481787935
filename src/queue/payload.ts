/* oxlint-disable unicorn/no-thenable -- `then` is a word of Step; a string cannot be taken for a promise. */
import { z } from 'zod';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import type { Job, Step } from '../core/plan.ts';

/** What lies in the queue: a job, and whom to tell when it is finished. */
export interface Payload {
  readonly v: 1;
  /** The tail that waits for it; empty: nobody does (a second delete). */
  readonly tail: string;
  /** The tail's number for it, the same however often it is enqueued. */
  readonly n: number;
  readonly job: Job;
}

const VERBS = ['delete', 'rebuild', 'patch', 'clear', 'bump', 'scan'] as const;

const step = z.object({
  rule: z.string(),
  verb: z.enum(VERBS),
  keys: z.array(z.string()),
  causes: z.array(z.number()),
  found: z.enum(['delete', 'clear', 'bump']).optional(),
  againAfterMs: z.number().nonnegative().optional(),
  ttlMs: z.number().positive().optional(),
  epoch: z.literal(true).optional(),
});

const cause = z.object({
  lsn: z.string().regex(/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/),
  xid: z.number(),
  committedAtMs: z.number(),
});

const payload = z.object({
  v: z.literal(1),
  tail: z.string(),
  n: z.number(),
  job: z.object({
    v: z.literal(1),
    ruleSet: z.string(),
    causes: z.array(cause),
    steps: z.array(step),
  }),
});

/** Takes a payload for what it is. Throws QUEUE_JOB_UNREADABLE with what is wrong in it. */
export function readPayload(data: unknown): Payload {
  const parsed = payload.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = issue ? `${issue.path.join('.') || 'the job'}: ${issue.message}` : messageOf(parsed.error);
  throw new UnstaleError('QUEUE_JOB_UNREADABLE', `A job in the queue cannot be read: ${what}.`, {
    cause: parsed.error,
  });
}

/** LSNs that can be read, keys that are texts; the rest may be anything. */
const loose = z.object({
  tail: z.string().catch(''),
  n: z.number().catch(-1),
  job: z.object({
    causes: z.array(cause).catch([]),
    steps: z
      .array(z.object({ rule: z.string().catch(''), verb: z.unknown(), keys: z.array(z.string()).min(1) }))
      .min(1),
  }),
});

/**
 * What can be made out in a payload of another version: the keys of all its steps, to be deleted (what is searched for or
 * cleared stays so). Undefined if it is not certain that these are all.
 */
export function salvage(data: unknown): Payload | undefined {
  const parsed = loose.safeParse(data);
  if (!parsed.success) return undefined;
  const { tail, n, job } = parsed.data;
  const steps = job.steps.map(({ rule, verb, keys }): Step => {
    return { rule, verb: verb === 'scan' || verb === 'clear' ? verb : 'delete', keys, causes: [] };
  });
  return { v: 1, tail, n, job: { v: 1, ruleSet: '', causes: job.causes, steps } };
}
