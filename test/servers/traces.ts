import { execFileSync } from 'node:child_process';
import { createConnection } from 'node:net';

/** Does anybody listen on this port of 127.0.0.1? */
export function portState(port: number): Promise<'open' | 'closed'> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve('open');
    });
    socket.once('error', () => resolve('closed'));
  });
}

/** The numbers of all System V shared memory segments of this machine. */
export function sharedMemory(): string[] {
  const rows = execFileSync('ipcs', ['-m'], { encoding: 'utf8' }).split('\n');
  return rows.flatMap((row) => row.trim().split(/\s+/)[1] ?? []);
}
