import { type ErrorCode, messageOf, UnstaleError } from '../core/errors/index.ts';
import { classifyPostgresError } from '../db/errors.ts';

/** The SQLSTATE of what the server reported, also where that is the cause of another error. */
export function sqlState(error: unknown): string | undefined {
  const code: unknown = Reflect.get(origin(error), 'code');
  return typeof code === 'string' ? code : undefined;
}

/**
 * Whatever a slot, a publication or a stream runs into, as an error with a code of ours. What has nothing to do with
 * replication is left to db/.
 */
export function classifyReplicationError(error: unknown): UnstaleError {
  if (error instanceof UnstaleError && !error.code.startsWith('DATABASE_')) return error;
  const code = codeOf(origin(error));
  if (code) return new UnstaleError(code, messageOf(origin(error)), { cause: origin(error) });
  return classifyPostgresError(error);
}

/** What ends a stream that had begun. It is tried again soon, except where the slot or the publication is the matter. */
export function classifyBreak(thrown: unknown): UnstaleError {
  const error = classifyReplicationError(thrown);
  if (!error.code.startsWith('DATABASE_')) return error;
  const code = error.code === 'DATABASE_UNREACHABLE' ? 'STREAM_LOST' : 'STREAM_FAILED';
  return new UnstaleError(code, error.message, { cause: origin(thrown) });
}

/**
 * States that stand for several things are told apart by the routine and file of the server's source that reported
 * them, which no translation changes, or by the English text. Samples, from Postgres 14 to 18:
 *
 * 42704 `replication slot "x" does not exist` · `publication "x" does not exist`
 * 55000 `logical decoding requires "wal_level" >= "logical"` · `can no longer get changes from replication slot "x"` ·
 *       `can no longer access replication slot "x"` · `cannot use physical replication slot for logical decoding` ·
 *       `replication slot "x" was not created in this database`
 * 58P01 `requested WAL segment 000000010000000000000001 has already been removed`
 * 42501 `must be superuser or replication role to start walsender` · `permission denied to start WAL sender`
 * 08P01 of a pooler: `unsupported startup parameter: replication`
 */
function codeOf(error: object): ErrorCode | undefined {
  const text = ['message', 'routine', 'file'].map((name) => String(Reflect.get(error, name))).join(' ');
  switch (Reflect.get(error, 'code')) {
    case '55006':
      return 'SLOT_IN_USE';
    case '53400':
      return 'TOO_MANY_SLOTS';
    case '53300':
      return 'TOO_MANY_SENDERS';
    case '42704':
      return /publication/i.test(text) ? 'PUBLICATION_MISSING' : 'SLOT_MISSING';
    case '55000':
      if (/wal_level|CheckLogicalDecodingRequirements/.test(text)) return 'WAL_LEVEL_NOT_LOGICAL';
      return /physical|not created in this database/.test(text) ? 'SLOT_WRONG_KIND' : 'SLOT_LOST';
    case '58P01':
      return 'SLOT_LOST';
    case '42501':
      return 'REPLICATION_NOT_ALLOWED';
    case '08P01':
      return /startup parameter/.test(text) ? 'DATABASE_POOLED' : undefined;
    default:
      return undefined;
  }
}

function origin(error: unknown): object {
  if (error instanceof UnstaleError && error.cause !== undefined) return origin(error.cause);
  return error instanceof Object ? error : new Error(String(error));
}
