import { describe, expect, it } from 'vitest';
import { UnstaleError } from '../../src/core/errors/index.ts';
import { classifyBreak, classifyReplicationError, sqlState } from '../../src/wal/errors.ts';

const server = (code: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { code, ...more });

describe('errors of a slot, a publication or a stream', () => {
  it.each([
    ['55006', 'replication slot "x" is active for PID 42', 'SLOT_IN_USE'],
    ['42704', 'replication slot "x" does not exist', 'SLOT_MISSING'],
    ['42704', 'publication "replication slot" does not exist', 'PUBLICATION_MISSING'],
    ['55000', 'logical decoding requires wal_level >= logical', 'WAL_LEVEL_NOT_LOGICAL'],
    ['55000', 'logical decoding requires "wal_level" >= "logical"', 'WAL_LEVEL_NOT_LOGICAL'],
    ['55000', 'can no longer get changes from replication slot "x"', 'SLOT_LOST'],
    ['55000', 'can no longer access replication slot "x"', 'SLOT_LOST'],
    ['58P01', 'requested WAL segment 000000010000000000000001 has already been removed', 'SLOT_LOST'],
    ['55000', 'cannot use physical replication slot for logical decoding', 'SLOT_WRONG_KIND'],
    ['55000', 'replication slot "x" was not created in this database', 'SLOT_WRONG_KIND'],
    ['42501', 'must be superuser or replication role to start walsender', 'REPLICATION_NOT_ALLOWED'],
    ['42501', 'permission denied to start WAL sender', 'REPLICATION_NOT_ALLOWED'],
    ['53400', 'all replication slots are in use', 'TOO_MANY_SLOTS'],
    ['53300', 'number of requested standby connections exceeds "max_wal_senders"', 'TOO_MANY_SENDERS'],
    ['08P01', 'unsupported startup parameter: replication', 'DATABASE_POOLED'],
    ['28P01', 'password authentication failed for user "x"', 'DATABASE_AUTH'],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432', 'DATABASE_UNREACHABLE'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'DATABASE_TLS'],
  ])('%s %s is %s', (state, message, code) => {
    expect(classifyReplicationError(server(state, message)).code).toBe(code);
  });

  it('are told apart in any language, by the routine that reports them', () => {
    const german = server('42704', 'Publikation »x« existiert nicht', { routine: 'get_publication_oid' });
    expect(classifyReplicationError(german).code).toBe('PUBLICATION_MISSING');
    const level = server('55000', 'das geht nicht', { routine: 'CheckLogicalDecodingRequirements' });
    expect(classifyReplicationError(level).code).toBe('WAL_LEVEL_NOT_LOGICAL');
  });

  it('are found behind the general error that db/ has made of them', () => {
    const cause = server('53400', 'all replication slots are in use');
    const general = new UnstaleError('DATABASE_BUSY', cause.message, { cause });
    expect(classifyReplicationError(general)).toMatchObject({ code: 'TOO_MANY_SLOTS', cause });
    expect(sqlState(general)).toBe('53400');
  });

  it('of our own stay as they are', () => {
    const own = new UnstaleError('SLOT_LOST', 'gone');
    expect(classifyReplicationError(own)).toBe(own);
  });

  it.each([
    ['57P01', 'terminating connection due to administrator command', 'STREAM_LOST', 'quick'],
    ['ECONNRESET', 'read ECONNRESET', 'STREAM_LOST', 'quick'],
    ['', 'Connection terminated unexpectedly', 'STREAM_LOST', 'quick'],
    ['22012', 'division by zero', 'STREAM_FAILED', 'medium'],
    ['XX000', 'could not map filenumber to relation OID', 'STREAM_FAILED', 'medium'],
    ['42704', 'publication "x" does not exist', 'PUBLICATION_MISSING', 'never'],
  ])('%s %s in the middle of the stream is %s, tried again: %s', (state, message, code, retry) => {
    expect(classifyBreak(state === '' ? new Error(message) : server(state, message))).toMatchObject({ code, retry });
  });

  it('that are no errors at all are still errors', () => {
    expect(classifyReplicationError('what').message).toBe('what');
    expect(classifyReplicationError(undefined)).toBeInstanceOf(UnstaleError);
  });
});
