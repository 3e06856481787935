import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import { type Account, canReach } from './account.ts';

/**
 * Waits for the end of its standard input, that is for the end of the process that started it (also by SIGKILL),
 * then ends the server and removes the folder. It leads a session of its own, so that a Ctrl-C does not reach it.
 * A Postgres that was killed leaves a System V segment behind; its number stands in line 7 of postmaster.pid
 * (src/include/utils/pidfile.h), and it would outlive the folder that could reclaim it.
 */
const WATCHDOG = `
trap '' HUP INT TERM
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill "-$2" "$pid" 2>/dev/null
  n=0
  while kill -0 "$pid" 2>/dev/null && [ "$n" -lt 300 ]; do n=$((n + 1)); sleep 0.02; done
  kill -KILL "$pid" 2>/dev/null
fi
shm=$(sed -n '7s/.* //p' "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$shm" ]; then
  n=0
  while ! ipcrm -m "$shm" 2>/dev/null && [ "$n" -lt 5 ]; do n=$((n + 1)); sleep 0.1; done
fi
n=0
while ! rm -rf "$1" 2>/dev/null && [ "$n" -lt 20 ]; do n=$((n + 1)); sleep 0.1; done
`;

/** One process started in a folder. `ended` becomes true as soon as it has left. */
export interface Running {
  readonly pid: number;
  readonly ended: boolean;
  /** Resolves when the process has left; until then it keeps this process alive, which it does not by itself. */
  end(): Promise<void>;
  /** The same for a limited time; false if the process is still there afterwards. */
  endsWithin(ms: number): Promise<boolean>;
  signal(name: NodeJS.Signals): void;
}

/** A temporary folder with at most one process in it; both are gone when the process that made it is gone. */
export class ServerFolder {
  readonly path: string;
  readonly #account: Account | undefined;
  readonly #watchdog: ChildProcess;
  readonly #gone: Promise<void>;

  /** `quit` is the signal that ends the server when its owner has died. */
  constructor(name: string, quit: 'QUIT' | 'KILL', account?: Account) {
    this.#account = account;
    this.path = mkdtempSync(join(temporaryFolder(account), `unstale-${name}-`));
    if (account) chownSync(this.path, account.uid, account.gid);
    this.#watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'unstale-watchdog', this.path, quit], {
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      detached: true,
    });
    this.#watchdog.stdin?.on('error', () => undefined);
    this.#gone = new Promise((resolve) => {
      this.#watchdog.once('exit', () => resolve());
      this.#watchdog.once('error', () => resolve());
    });
    this.#watchdog.unref();
  }

  get log(): string {
    return join(this.path, 'server.log');
  }

  /** Starts a program here, its output going to the log. It outlives a Ctrl-C on the terminal: its owner decides. */
  start(command: string, args: readonly string[], environment: NodeJS.ProcessEnv): Running {
    const log = openSync(this.log, 'a');
    try {
      const child = spawn(command, args, {
        cwd: this.path,
        env: environment,
        stdio: ['ignore', log, log],
        detached: true,
        ...this.#account,
      });
      return this.#follow(child);
    } finally {
      closeSync(log);
    }
  }

  #follow(child: ChildProcess): Running {
    this.#watch(child.pid);
    let ended = false;
    const left = new Promise<void>((resolve) => {
      const note = () => {
        ended = true;
        this.#watch(undefined);
        resolve();
      };
      child.once('exit', note);
      child.once('error', (error) => {
        if (child.pid !== undefined) return;
        this.#note(messageOf(error));
        note();
      });
    });
    child.unref();
    const end = () => {
      if (!ended) child.ref();
      return left;
    };
    return {
      pid: child.pid ?? 0,
      get ended() {
        return ended;
      },
      end,
      endsWithin: async (ms) => {
        const patience = new AbortController();
        const late = delay(ms, undefined, { signal: patience.signal }).catch(() => undefined);
        await Promise.race([end(), late]);
        patience.abort();
        return ended;
      },
      signal: (name) => {
        if (!ended) child.kill(name);
      },
    };
  }

  /** Tells the watchdog which process to end; an empty line means none, as a number may be given to another later. */
  #watch(pid: number | undefined): void {
    if (this.#watchdog.stdin?.writable) this.#watchdog.stdin.write(`${pid ?? ''}\n`);
  }

  #note(line: string): void {
    const log = openSync(this.log, 'a');
    writeSync(log, `${line}\n`);
    closeSync(log);
  }

  /** The end of the log, for messages. */
  tail(lines = 12): string {
    try {
      return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
    } catch {
      return '';
    }
  }

  /** Ends what still runs here and removes the folder: the same way that a death of the owner takes. */
  async close(): Promise<void> {
    this.#watchdog.ref();
    this.#watchdog.stdin?.end();
    await this.#gone;
  }
}

/** A folder for temporary files that the account can enter: TMPDIR may lie in a home that is closed to others. */
function temporaryFolder(account: Account | undefined): string {
  const wanted = tmpdir();
  if (!account || canReach(wanted, account)) return wanted;
  if (canReach('/tmp', account)) return '/tmp';
  throw new UnstaleError('SERVERS_START_FAILED', `the user ${account.name} can enter neither ${wanted} nor /tmp`, {
    hint: 'Set TMPDIR to a folder that every user may enter.',
  });
}
