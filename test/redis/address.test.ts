import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/redis/address.ts';

describe('a Redis URL', () => {
  it('names host, port, user, password, database', () => {
    expect(parseAddress('redis://me:p%40ss%2Cword@cache.example:6380/3')).toEqual({
      nodes: [{ host: 'cache.example', port: 6380 }],
      cluster: false,
      tls: false,
      username: 'me',
      password: 'p@ss,word',
      db: 3,
      label: 'cache.example:6380/3',
    });
  });

  it('stands for a cluster as a comma list, or with ?cluster=true', () => {
    expect(parseAddress('rediss://:pw@a:1,rediss://:pw@b:2,c:3')).toMatchObject({
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
        { host: 'c', port: 3 },
      ],
      cluster: true,
      tls: true,
      password: 'pw',
    });
    expect(parseAddress('redis://[::1]?cluster=true')).toMatchObject({
      nodes: [{ host: '::1', port: 6379 }],
      cluster: true,
    });
  });

  it.each([
    ['', 'no URL'],
    ['localhost', 'no URL'],
    ['http://secret@a', 'begins http://'],
    ['redis://:secret@', 'no'],
    ['redis://:secret@a/x', 'database is "x"'],
    ['redis://:secret@a/1?cluster=true', 'database 0 only'],
  ])('that is %j is refused without showing the password', (url, what) => {
    let message = '';
    try {
      parseAddress(url);
    } catch (error) {
      expect(error).toMatchObject({ code: 'REDIS_BAD_URL', exit: 2 });
      message = String(error);
    }
    expect(message).toContain(what);
    expect(message).not.toContain('secret');
  });
});
