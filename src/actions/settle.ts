import { UnstaleError } from '../core/errors/index.ts';

/** All of them, `atOnce` at a time, even if some fail; then the error that decides is thrown. The sum of what they give. */
export async function settle<T>(
  items: readonly T[],
  work: (item: T) => Promise<number>,
  { atOnce }: { atOnce: number },
): Promise<number> {
  const errors: unknown[] = [];
  let sum = 0;
  for (let i = 0; i < items.length; i += atOnce) {
    for (const result of await Promise.allSettled(items.slice(i, i + atOnce).map(work))) {
      if (result.status === 'fulfilled') sum += result.value;
      else errors.push(result.reason);
    }
  }
  if (errors.length > 0) throw worst(errors);
  return sum;
}

/** Of several errors the one that decides what happens next: an outage is waited out before anything is given up. */
export function worst(errors: readonly unknown[]): unknown {
  return errors.find((error) => error instanceof UnstaleError && error.retry !== 'never') ?? errors[0];
}
