import type { Retry } from '../core/errors/index.ts';

/** First pause and ceiling, by class of error, in milliseconds. `slow` protects accounts that get locked or banned. */
const PAUSES: Record<Exclude<Retry, 'never'>, readonly [first: number, most: number]> = {
  quick: [100, 2_000],
  medium: [500, 10_000],
  slow: [10_000, 120_000],
};

/** Pause before attempt number `attempt` (1 is the first retry): doubled each time, less up to a quarter of jitter. */
export function pauseMs(retry: Exclude<Retry, 'never'>, attempt: number, random: () => number = Math.random): number {
  const [first, most] = PAUSES[retry];
  const whole = Math.min(most, first * 2 ** Math.min(attempt - 1, 30));
  return Math.round(whole * (1 - random() / 4));
}
