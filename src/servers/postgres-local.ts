import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UnstaleError } from '../core/errors/index.ts';
import { unprivileged } from './account.ts';
import { createDatabase } from './admin.ts';
import { type Running, ServerFolder } from './folder.ts';
import { startOnFreePort } from './ports.ts';
import type { PostgresPrograms } from './postgres-programs.ts';
import type { PostgresServer, StopMode } from './server.ts';

export type Settings = Readonly<Record<string, string>>;

/** Many slots and senders, as all tests of a run share one server; nothing here outlives the run, so nothing is synced. */
export const SETTINGS: Settings = {
  wal_level: 'logical',
  fsync: 'off',
  max_wal_senders: '40',
  max_replication_slots: '40',
  max_connections: '200',
};

const START_MS = 30_000;

/** Runs initdb and starts the server on a free port of 127.0.0.1. */
export async function startLocalPostgres(options: {
  programs: PostgresPrograms;
  version: number;
  settings: Settings;
}): Promise<PostgresServer> {
  const account = unprivileged();
  const folder = new ServerFolder('postgres', 'QUIT', account);
  try {
    await initialise(folder, options.programs);
    const isTaken = (): boolean => portIsTaken(folder.tail());
    return await startOnFreePort((port) => new LocalPostgres(folder, port, options), { isTaken });
  } catch (error) {
    await folder.close();
    throw error;
  }
}

async function initialise(folder: ServerFolder, programs: PostgresPrograms): Promise<void> {
  const args = ['-D', join(folder.path, 'data'), '-U', 'postgres', '-A', 'trust'];
  const initdb = folder.start(
    join(programs.bin, 'initdb'),
    [...args, '--no-sync', '--locale=C', '--encoding=UTF8'],
    environment(),
  );
  await initdb.end();
  if (!existsSync(join(folder.path, 'data', 'global', 'pg_control'))) {
    throw new UnstaleError('SERVERS_START_FAILED', `initdb of ${programs.source} failed:\n${folder.tail()}`);
  }
}

/** PG… variables of the caller would change what the server does. Time zone and messages are the same everywhere. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };
}

/** Sample: `could not bind IPv4 address "127.0.0.1": Address already in use`. */
function portIsTaken(log: string): boolean {
  return /could not bind .*: Address already in use/.test(log);
}

/**
 * Sessions of a server that was killed take a moment to notice. Samples, as the last FATAL of the log:
 * `pre-existing shared memory block (key 12345, ID 4) is still in use`, `lock file "postmaster.pid" already exists`.
 */
function backendsRemain(log: string): boolean {
  return /pre-existing shared memory block|lock file ".*" already exists/.test(log.slice(log.lastIndexOf('FATAL')));
}

class LocalPostgres implements PostgresServer {
  readonly url: string;
  readonly port: number;
  readonly version: number;
  readonly source: string;
  readonly #folder: ServerFolder;
  readonly #program: string;
  readonly #settings: Settings;
  #running: Running | undefined;

  constructor(
    folder: ServerFolder,
    port: number,
    options: { programs: PostgresPrograms; version: number; settings: Settings },
  ) {
    this.port = port;
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    this.version = options.version;
    this.source = options.programs.source;
    this.#folder = folder;
    this.#program = join(options.programs.bin, 'postgres');
    this.#settings = { ...SETTINGS, ...options.settings };
  }

  async start(): Promise<void> {
    if (this.#running && !this.#running.ended) return;
    const deadline = Date.now() + START_MS;
    for (;;) {
      if (await this.#launch(deadline)) return;
      const log = this.#folder.tail();
      if (!backendsRemain(log) || Date.now() > deadline) {
        throw new UnstaleError('SERVERS_START_FAILED', `${this.source} did not start on port ${this.port}:\n${log}`);
      }
      await delay(50);
    }
  }

  async #launch(deadline: number): Promise<boolean> {
    const running = this.#folder.start(this.#program, this.#arguments(), environment());
    this.#running = running;
    while (!running.ended && Date.now() < deadline) {
      if (this.#isReady(running.pid)) return true;
      await delay(5);
    }
    running.signal('SIGKILL');
    await running.end();
    return false;
  }

  #arguments(): string[] {
    const fixed = { listen_addresses: '127.0.0.1', port: String(this.port), unix_socket_directories: '' };
    // Shared memory in files of the data folder: a server that is killed leaves nothing in /dev/shm.
    const settings = { dynamic_shared_memory_type: 'mmap', ...this.#settings, ...fixed };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return ['-D', join(this.#folder.path, 'data'), ...flags];
  }

  /** Line 1 of postmaster.pid is the process, line 8 its state, as pg_ctl reads them (src/bin/pg_ctl/pg_ctl.c). */
  #isReady(pid: number): boolean {
    try {
      const lines = readFileSync(join(this.#folder.path, 'data', 'postmaster.pid'), 'utf8').split('\n');
      return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
    } catch {
      return false;
    }
  }

  async stop(mode: StopMode = 'fast', withinMs = 30_000): Promise<void> {
    const running = this.#running;
    if (!running || running.ended) return;
    running.signal(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    if (!(await running.endsWithin(withinMs))) {
      throw new UnstaleError('SERVERS_STOP_FAILED', `Postgres on port ${this.port} still runs after ${withinMs} ms`);
    }
  }

  async kill(): Promise<void> {
    this.#running?.signal('SIGKILL');
    await this.#running?.end();
  }

  createDatabase(name?: string): Promise<string> {
    return createDatabase(this.url, name);
  }

  async close(): Promise<void> {
    await this.#folder.close();
  }
}
