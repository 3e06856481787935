import { type ErrorCode, messageOf, UnstaleError } from '../core/errors/index.ts';

/** SQLSTATE, or its class (two characters): https://www.postgresql.org/docs/current/errcodes-appendix.html */
const STATES: Readonly<Record<string, ErrorCode>> = {
  '08': 'DATABASE_UNREACHABLE',
  '28': 'DATABASE_AUTH',
  '3D': 'DATABASE_AUTH', // no such database
  '42501': 'DATABASE_FORBIDDEN',
  '53': 'DATABASE_BUSY',
  '55P03': 'DATABASE_TIMEOUT', // lock_timeout
  '57014': 'DATABASE_TIMEOUT', // statement_timeout
  '57P': 'DATABASE_UNREACHABLE', // shutting down, crashed, starting up
  '25006': 'DATABASE_UNREACHABLE', // read only: a standby after a failover
};

/**
 * Messages of the driver, which have no code:
 * `Connection terminated unexpectedly` · `Connection terminated due to connection timeout` · `timeout expired` ·
 * `timeout exceeded when trying to connect` · `Query read timeout` · `Client has encountered a connection error and is not queryable` ·
 * `The server does not support SSL connections` · `SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string`
 */
const MESSAGES: readonly (readonly [part: RegExp, code: ErrorCode])[] = [
  [/query read timeout/i, 'DATABASE_TIMEOUT'],
  [/support SSL|certificate|SSL routines/i, 'DATABASE_TLS'],
  [/SASL|password/i, 'DATABASE_AUTH'],
  [/terminated|timeout|not queryable|connection error|socket/i, 'DATABASE_UNREACHABLE'],
];

const TLS_CODE = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO)/;

/**
 * Whatever `pg` throws, as an error with a code of ours; the original is its cause. The only place that looks at the
 * driver's messages.
 */
export function classifyPostgresError(error: unknown): UnstaleError {
  if (error instanceof UnstaleError) return error;
  return new UnstaleError(codeOf(error), messageOf(error), { cause: error });
}

function codeOf(error: unknown): ErrorCode {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // SQLSTATE has five characters; system errors (ECONNREFUSED, EPIPE, ...) begin with E and have more, or no digit.
  if (/^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]+$/.test(code)) {
    return STATES[code] ?? STATES[code.slice(0, 3)] ?? STATES[code.slice(0, 2)] ?? 'DATABASE_QUERY';
  }
  if (TLS_CODE.test(code)) return 'DATABASE_TLS';
  if (code !== '' || error instanceof AggregateError) return 'DATABASE_UNREACHABLE';
  return MESSAGES.find(([part]) => part.test(messageOf(error)))?.[1] ?? 'DATABASE_QUERY';
}
