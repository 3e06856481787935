import { type ErrorCode, messageOf, UnstaleError } from '../core/errors/index.ts';

/** Word in front of a reply error of Redis -> our code. https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const REPLIES: Readonly<Record<string, ErrorCode>> = {
  LOADING: 'REDIS_LOADING', //       LOADING Redis is loading the dataset in memory
  READONLY: 'REDIS_READONLY', //     READONLY You can't write against a read only replica.
  OOM: 'REDIS_OUT_OF_MEMORY', //     OOM command not allowed when used memory > 'maxmemory'.
  MISCONF: 'REDIS_WRITES_STOPPED', // MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.
  NOREPLICAS: 'REDIS_WRITES_STOPPED', // NOREPLICAS Not enough good replicas to write.
  MASTERDOWN: 'REDIS_READONLY', //   MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.
  BUSY: 'REDIS_BUSY', //             BUSY Redis is busy running a script.
  CLUSTERDOWN: 'REDIS_CLUSTER_DOWN', // CLUSTERDOWN Hash slot not served
  MOVED: 'REDIS_CLUSTER_DOWN', //    MOVED 3999 127.0.0.1:6381: the client's own following of redirections ended
  ASK: 'REDIS_CLUSTER_DOWN', //      ASK 3999 127.0.0.1:6381
  TRYAGAIN: 'REDIS_CLUSTER_DOWN', // TRYAGAIN Multiple keys request during rehashing of slot
  NOAUTH: 'REDIS_AUTH', //           NOAUTH Authentication required.
  WRONGPASS: 'REDIS_AUTH', //        WRONGPASS invalid username-password pair or user is disabled.
  NOPERM: 'REDIS_FORBIDDEN', //      NOPERM User worker has no permissions to run the 'unlink' command
  WRONGTYPE: 'REDIS_WRONG_TYPE', //  WRONGTYPE Operation against a key holding the wrong kind of value
};

/** Parts of the messages that ioredis 6 makes itself (they have no code), and of replies that begin with plain ERR. */
const MESSAGES: readonly (readonly [part: RegExp, code: ErrorCode])[] = [
  [/Command timed out|ETIMEDOUT|Socket timeout|Timeout while waiting|^timeout$/i, 'REDIS_TIMEOUT'],
  // Failed to refresh slots cache. · None of startup nodes is available · Too many Cluster redirections. · Cluster isn't ready and enableOfflineQueue options is false
  [/slots cache|startup nodes|Cluster redirections|Cluster isn't ready|Cluster is /, 'REDIS_CLUSTER_DOWN'],
  // Connection is closed. · Stream isn't writeable and enableOfflineQueue options is false · Command aborted due to connection close
  // Reached the max retries per request limit · Node is disconnected · Connection is aborted
  [
    /onnection is (closed|aborted|discarded)|isn't writeable|connection close|max retries per request|is disconnected/,
    'REDIS_UNREACHABLE',
  ],
  [/^ERR .*(DB index|SELECT is not allowed)/, 'REDIS_NO_SUCH_DATABASE'],
  [/^ERR max number of clients/, 'REDIS_BUSY'],
  [/^ERR (invalid password|AUTH|Client sent AUTH)|^ERR .*without any password configured/, 'REDIS_AUTH'],
];

/** System and TLS errors carry a code: ECONNREFUSED, ENOTFOUND, EPIPE, CERT_HAS_EXPIRED, ... */
const TIMEOUTS = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT']);

/**
 * Anything that ioredis throws, as an error with a code of ours. `where` says which Redis, and for what. The only place
 * that looks at messages of ioredis and of Redis; what it does not know is REDIS_REFUSED.
 */
export function redisError(error: unknown, where: string): UnstaleError {
  if (error instanceof UnstaleError) return error;
  return new UnstaleError(codeOf(error), `${where}: ${messageOf(error)}`, { cause: error });
}

function codeOf(error: unknown): ErrorCode {
  const message = messageOf(error);
  const last = lastNodeError(error);
  if (last !== undefined) return codeOf(last);
  const reply = REPLIES[/^-?([A-Z]+)\b/.exec(message)?.[1] ?? ''];
  if (reply) return reply;
  const found = MESSAGES.find(([part]) => part.test(message));
  if (found) return found[1];
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (TIMEOUTS.has(code)) return 'REDIS_TIMEOUT';
  return code === '' ? 'REDIS_REFUSED' : 'REDIS_UNREACHABLE';
}

/** `Failed to refresh slots cache.` hides the reason in `lastNodeError`; a wrong password, say. */
function lastNodeError(error: unknown): unknown {
  if (!(error instanceof Error) || !('lastNodeError' in error)) return undefined;
  return error.lastNodeError ?? undefined;
}

/** Down, loading, read-only, full, slow: not the job's fault, so it is tried again for as long as it takes. */
export function isOutage(error: unknown): error is UnstaleError {
  return error instanceof UnstaleError && error.retry !== 'never';
}
