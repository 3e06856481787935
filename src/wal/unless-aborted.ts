/** The promise's value, or `undefined` as soon as the signal aborts. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  promise.catch(() => undefined); // nobody waits for it any more after an abort
  if (signal.aborted) return undefined;
  const over = new AbortController();
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { signal: over.signal });
  });
  return Promise.race([promise, aborted]).finally(() => over.abort());
}
