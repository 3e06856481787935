import { catalogErrors } from './catalog.ts';
import { databaseErrors } from './database.ts';
import type { ErrorKind, Retry } from './define.ts';
import { gateErrors } from './gate.ts';
import { queueErrors } from './queue.ts';
import { redisErrors } from './redis.ts';
import { rulesErrors } from './rules.ts';
import { serversErrors } from './servers.ts';
import { settingsErrors } from './settings.ts';
import { walErrors } from './wal.ts';

/** Every error a user can meet, by code. The manual, the exit status and the retries are made from it. */
export const ERRORS = {
  ...settingsErrors,
  ...rulesErrors,
  ...catalogErrors,
  ...walErrors,
  ...gateErrors,
  ...databaseErrors,
  ...redisErrors,
  ...queueErrors,
  ...serversErrors,
};

export type ErrorCode = keyof typeof ERRORS;

export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong or worth a warning, as `check` reports it. */
export interface Finding {
  readonly code: ErrorCode;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly hint: string;
  readonly place?: Place | undefined;
  /** The text of the line to blame. */
  readonly source?: string | undefined;
}

/** An error with a code from the catalogue. `message` says value, place and expectation; `hint` says what to do. */
export class UnstaleError extends Error {
  override readonly name = 'UnstaleError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly findings: readonly Finding[];

  constructor(
    code: ErrorCode,
    message: string,
    options: { hint?: string | undefined; cause?: unknown; findings?: readonly Finding[] } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? kindOf(code).hint;
    this.findings = options.findings ?? [];
  }

  get retry(): Retry {
    return kindOf(this.code).retry;
  }

  get exit(): 1 | 2 {
    return kindOf(this.code).exit;
  }
}

export function kindOf(code: ErrorCode): ErrorKind {
  return ERRORS[code];
}

/** Text of anything that was thrown, for messages. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

export type { ErrorKind, Retry } from './define.ts';
