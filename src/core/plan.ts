/** What is done to a key. `scan` finds keys by a glob pattern and then does what `found` says. */
export type Verb = 'delete' | 'rebuild' | 'patch' | 'clear' | 'bump' | 'scan';

/** One key that one rule touches, and why, in words a rule author understands. */
export interface Effect {
  readonly rule: string;
  readonly verb: Verb;
  /** The whole key, namespace included; for `scan` a Redis glob pattern with values escaped. */
  readonly key: string;
  readonly because: string;
}

/** The transaction that made a plan touch a key. JSON-safe. */
export interface Cause {
  /** Commit LSN as `X/Y`. */
  readonly lsn: string;
  readonly xid: number;
  readonly committedAtMs: number;
}

/** Keys that are treated alike. `causes[i]` is the position in the plan's causes of the newest that touched `keys[i]`. */
export interface Step {
  readonly rule: string;
  readonly verb: Verb;
  readonly keys: readonly string[];
  readonly causes: readonly number[];
  /** For `scan`: what happens to the keys it finds. */
  readonly found?: 'delete' | 'clear' | 'bump' | undefined;
  /** The same delete once more, this long after the first. */
  readonly againAfterMs?: number | undefined;
  /** For `bump`: lifetime of the stamp. */
  readonly ttlMs?: number | undefined;
  /** Renew the rule's epoch first: wide effects (scan, clear). */
  readonly epoch?: true | undefined;
}

/** What the transactions that waited together come to: a set, each key once with its strongest verb. */
export interface Plan {
  /** Hash of the rule set that made it. */
  readonly ruleSet: string;
  readonly causes: readonly Cause[];
  readonly steps: readonly Step[];
}

/** A part of a plan, small enough for one round trip: the payload in the queue. JSON. */
export interface Job extends Plan {
  readonly v: 1;
}
