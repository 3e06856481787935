import { expect, it } from 'vitest';
import { judgeServer, type Server } from '../../src/roles/preflight.ts';

const fit: Server = { version: 18, wal_level: 'logical', role: 'worker', replication: true };

it('a server is judged by version, WAL level and role, in this order', () => {
  expect(() => judgeServer(fit)).not.toThrow();
  expect(() => judgeServer({ ...fit, version: 13, wal_level: 'replica' })).toThrow(
    expect.objectContaining({ code: 'DATABASE_TOO_OLD' }),
  );
  expect(() => judgeServer({ ...fit, wal_level: 'minimal' })).toThrow(
    expect.objectContaining({ code: 'WAL_LEVEL_NOT_LOGICAL' }),
  );
  const role = { ...fit, role: 'My "Role"', replication: false };
  expect(() => judgeServer(role)).toThrow(
    expect.objectContaining({
      code: 'REPLICATION_NOT_ALLOWED',
      hint: expect.stringContaining('alter role "My ""Role""" replication'),
    }),
  );
});
