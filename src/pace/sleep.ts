import { setTimeout as delay } from 'node:timers/promises';

/** Waits, or returns at once when the signal is or gets aborted. Never rejects. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal ? { signal } : undefined).catch(() => undefined);
}
