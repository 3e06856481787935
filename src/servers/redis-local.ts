import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import { type Running, ServerFolder } from './folder.ts';
import { startOnFreePort } from './ports.ts';
import type { RedisProgram } from './redis-program.ts';
import { ask, fieldOf } from './redis-wire.ts';
import type { RedisServer } from './server.ts';

const START_MS = 20_000;

/** Starts the program on a free port of 127.0.0.1, without persistence unless the arguments ask for it. */
export async function startLocalRedis(
  program: RedisProgram,
  args: readonly string[],
  options: { bus?: boolean } = {},
): Promise<RedisServer> {
  const folder = new ServerFolder('redis', 'KILL');
  try {
    const isTaken = (): boolean => portIsTaken(folder.tail());
    return await startOnFreePort((port) => new LocalRedis(folder, port, { program, args }), { isTaken, ...options });
  } catch (error) {
    await folder.close();
    throw error;
  }
}

/**
 * Samples: `Warning: Could not create server TCP listening socket 127.0.0.1:20000: bind: Address already in use`,
 * `Could not create server TCP listening socket 127.0.0.1:30000: bind: Address already in use`.
 */
function portIsTaken(log: string): boolean {
  return /listening socket .*: Address already in use/.test(log);
}

class LocalRedis implements RedisServer {
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly source: string;
  readonly #folder: ServerFolder;
  readonly #program: RedisProgram;
  readonly #args: readonly string[];
  #running: Running | undefined;

  constructor(folder: ServerFolder, port: number, options: { program: RedisProgram; args: readonly string[] }) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.version = options.program.version;
    this.source = options.program.source;
    this.#folder = folder;
    this.#program = options.program;
    this.#args = options.args;
  }

  async start(): Promise<void> {
    if (this.#running && !this.#running.ended) return;
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder.path];
    const args = ['--save', '', '--appendonly', 'no', ...this.#args, ...fixed];
    const running = this.#folder.start(this.#program.path, args, { PATH: process.env.PATH, ...this.#program.env });
    this.#running = running;
    const deadline = Date.now() + START_MS;
    let last = '';
    while (!running.ended && Date.now() < deadline) {
      last = await this.#state(running.pid);
      if (last === 'ready') return;
      await delay(5);
    }
    running.signal('SIGKILL');
    await running.end();
    const log = this.#folder.tail();
    throw new UnstaleError(
      'SERVERS_START_FAILED',
      `${this.source} did not start on port ${this.port} (${last}):\n${log}`,
    );
  }

  /** `ready` when this very process answers; another one may have been quicker on the port. */
  async #state(pid: number): Promise<string> {
    try {
      const [info] = await ask(this.url, ['INFO', 'server'], ['PING']);
      return fieldOf(info, 'process_id') === String(pid) ? 'ready' : 'another server answers';
    } catch (error) {
      // With a password among the arguments it answers nobody, but it does so only once it is up.
      return messageOf(error).startsWith('NOAUTH') ? 'ready' : messageOf(error);
    }
  }

  async stop(withinMs = 20_000): Promise<void> {
    const running = this.#running;
    if (!running || running.ended) return;
    running.signal('SIGTERM');
    if (!(await running.endsWithin(withinMs))) {
      throw new UnstaleError('SERVERS_STOP_FAILED', `Redis on port ${this.port} still runs after ${withinMs} ms`);
    }
  }

  async kill(): Promise<void> {
    this.#running?.signal('SIGKILL');
    await this.#running?.end();
  }

  async close(): Promise<void> {
    await this.#folder.close();
  }
}
