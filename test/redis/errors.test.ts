import { describe, expect, it } from 'vitest';
import { UnstaleError } from '../../src/core/errors/index.ts';
import { isOutage, redisError } from '../../src/redis/errors.ts';

const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const system = (code: string, message = code) => Object.assign(new Error(message), { code });

describe('an error of ioredis', () => {
  it.each([
    [reply('LOADING Redis is loading the dataset in memory'), 'REDIS_LOADING'],
    [reply("READONLY You can't write against a read only replica."), 'REDIS_READONLY'],
    [reply("OOM command not allowed when used memory > 'maxmemory'."), 'REDIS_OUT_OF_MEMORY'],
    [reply('MISCONF Redis is configured to save RDB snapshots, but'), 'REDIS_WRITES_STOPPED'],
    [reply('BUSY Redis is busy running a script.'), 'REDIS_BUSY'],
    [reply('ERR max number of clients reached'), 'REDIS_BUSY'],
    [reply('CLUSTERDOWN Hash slot not served'), 'REDIS_CLUSTER_DOWN'],
    [reply('MOVED 3999 127.0.0.1:6381'), 'REDIS_CLUSTER_DOWN'],
    [reply('WRONGPASS invalid username-password pair or user is disabled.'), 'REDIS_AUTH'],
    [reply('NOAUTH Authentication required.'), 'REDIS_AUTH'],
    [reply("NOPERM User x has no permissions to run the 'unlink' command"), 'REDIS_FORBIDDEN'],
    [reply('WRONGTYPE Operation against a key holding the wrong kind of value'), 'REDIS_WRONG_TYPE'],
    [reply("ERR unknown command 'unlink'"), 'REDIS_REFUSED'],
    [system('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), 'REDIS_UNREACHABLE'],
    [system('ENOTFOUND', 'getaddrinfo ENOTFOUND nowhere'), 'REDIS_UNREACHABLE'],
    [system('ETIMEDOUT', 'connect ETIMEDOUT'), 'REDIS_TIMEOUT'],
    [system('CERT_HAS_EXPIRED', 'certificate has expired'), 'REDIS_UNREACHABLE'],
    [new Error('Connection is closed.'), 'REDIS_UNREACHABLE'],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), 'REDIS_UNREACHABLE'],
    [new Error('Command aborted due to connection close'), 'REDIS_UNREACHABLE'],
    [new Error('Reached the max retries per request limit (which is 0). Refer to'), 'REDIS_UNREACHABLE'],
    [new Error('Command timed out'), 'REDIS_TIMEOUT'],
    [new Error("Cluster isn't ready and enableOfflineQueue options is false"), 'REDIS_CLUSTER_DOWN'],
    [new Error('Failed to refresh slots cache.'), 'REDIS_CLUSTER_DOWN'],
    [
      Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: reply('WRONGPASS invalid') }),
      'REDIS_AUTH',
    ],
  ])('%s is %s', (error, code) => {
    const coded = redisError(error, 'Redis a:1 (cache)');
    expect(coded.code).toBe(code);
    expect(coded.message).toContain('Redis a:1 (cache): ');
    expect(coded.cause).toBe(error);
  });

  it('is an outage unless trying again as it is cannot help', () => {
    expect(isOutage(redisError(system('ECONNRESET'), 'x'))).toBe(true);
    expect(isOutage(redisError(reply('OOM x'), 'x'))).toBe(true);
    expect(isOutage(redisError(reply('WRONGTYPE x'), 'x'))).toBe(false);
    expect(isOutage(new Error('a bug'))).toBe(false);
  });

  it('that has a code of ours already keeps it', () => {
    const ours = new UnstaleError('REDIS_BUSY', 'x');
    expect(redisError(ours, 'y')).toBe(ours);
  });
});
