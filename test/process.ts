import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  /** Resolves when the process has ended. */
  readonly finished: Promise<Finished>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Finished>;
}

/** Settings of whoever runs the tests must not reach the programs under test. */
function environment(env: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(UNSTALE_|DATABASE_URL|.*REDIS_URL|LOG_|NO_COLOR|FORCE_COLOR|VITEST)/.test(name),
  );
  return { ...Object.fromEntries(inherited), ...env };
}

/** Starts `unstale` from its sources, as a process of its own. */
export function startCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk;
  });
  const finished = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  return {
    child,
    output,
    finished,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return finished;
    },
  };
}

/** Runs `unstale` to its end. */
export function cli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
  return startCli(args, env).finished;
}
