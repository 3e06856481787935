import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UnstaleError } from '../core/errors/index.ts';

/** A user of this machine under whom a server runs. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The user for a program that refuses to run as root, as Postgres does; undefined where this process is not root.
 * An existing user is taken, so that nothing on the machine is changed.
 */
export function unprivileged(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined && Number(uid) > 0) return { name, uid: Number(uid), gid: Number(gid) };
  }
  throw new UnstaleError(
    'SERVERS_START_FAILED',
    'Postgres does not run as root, and there is no user postgres or nobody',
    {
      hint: 'Run this as another user, or create one with: useradd --system postgres',
    },
  );
}

/** Can the account enter this folder, that is search every folder on the way to it? */
export function canReach(path: string, account: Account): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    const { mode, uid, gid } = statSync(at);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (at === dirname(at)) return true;
  }
}
