import type { Transaction } from './core/change.ts';
import type { Plan } from './core/plan.ts';
import type { Gate, Source } from './gate/gate.ts';

export interface Worker {
  /** The WAL: transactions in commit order. `release`: they are in the queue. `finish`: all their effects are done. */
  readonly stream: Source & {
    release(transactions: readonly Transaction[]): void;
    finish(transactions: readonly Transaction[]): void;
  };
  readonly gate: Gate;
  /** Matches the changes against the rules and merges what they touch: each key once. */
  readonly plan: (transactions: readonly Transaction[]) => Plan;
  readonly queue: { enqueue(plan: Plan, onFinished: () => void): Promise<void> };
}

/**
 * The product: each transaction that has become visible is matched and planned, its plan is enqueued; what is finished
 * moves the low watermark, and only that is confirmed to Postgres. Ends when the stream does.
 */
export async function work({ stream, gate, plan, queue }: Worker): Promise<void> {
  for await (const transactions of gate.visible(stream)) {
    await queue.enqueue(plan(transactions), () => stream.finish(transactions));
    stream.release(transactions);
  }
}
