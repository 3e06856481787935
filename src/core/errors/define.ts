/** How soon it is worth trying again: at once and often, with growing pauses, rarely (accounts get locked), or not at all. */
export type Retry = 'quick' | 'medium' | 'slow' | 'never';

export interface ErrorKind {
  /** One sentence for the manual: what happened. */
  readonly about: string;
  /** What to do, in the imperative. A more exact one may be given where the error is raised. */
  readonly hint: string;
  readonly retry: Retry;
  /** 1: the thing asked for failed; 2: wrong usage or settings. */
  readonly exit: 1 | 2;
}

/** Keeps the literal codes of a group of error kinds as a type. */
export function defineErrors<const T extends Record<string, ErrorKind>>(kinds: T): T {
  return kinds;
}
