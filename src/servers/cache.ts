import { execFile } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../core/errors/index.ts';

export const run = promisify(execFile);

/** Where programs that were fetched are kept: UNSTALE_SERVERS_CACHE, else the system's folder for such things. */
export function cacheFolder(): string {
  const own = process.env.UNSTALE_SERVERS_CACHE;
  if (own) return own;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'unstale');
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'unstale');
}

/** A folder of this user's below the temporary one, for copies that another account must be able to read. */
export function openFolder(): string {
  const path = join(tmpdir(), `unstale-programs-${process.getuid?.() ?? 0}`);
  mkdirSync(path, { recursive: true });
  const found = lstatSync(path);
  // Somebody else could have made this first, as a folder with programs of theirs or as a link to one.
  const isOurs = found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
  const folder = isOurs ? path : mkdtempSync(join(tmpdir(), 'unstale-programs-'));
  chmodSync(folder, 0o755);
  return folder;
}

/**
 * Fills a folder once, also when several processes want it at the same time: each prepares one of its own beside it,
 * the first to be ready gives it the final name. A half-filled folder is never seen under that name.
 */
export async function fillOnce(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  if (existsSync(path)) return;
  mkdirSync(join(path, '..'), { recursive: true });
  const draft = mkdtempSync(`${path}.`);
  // mkdtemp makes it for this user only; the programs in it may have to run as another one.
  chmodSync(draft, 0o755);
  try {
    await fill(draft);
    try {
      renameSync(draft, path);
    } catch (error) {
      if (!existsSync(path)) throw error;
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** What a program says of itself with --version, or why it does not start. */
export async function versionOf(
  program: string,
  options: { env?: NodeJS.ProcessEnv; uid?: number; gid?: number } = {},
): Promise<{ text: string } | { reason: string }> {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: 10_000, cwd: '/', ...options });
    return { text: stdout.trim() };
  } catch (error) {
    return { reason: firstLine(error) };
  }
}

/** One line of what went wrong with a program; its standard error says more than Node's summary, if it is no warning. */
export function firstLine(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  const lines = (stderr === '' ? messageOf(error) : stderr).split('\n');
  return lines.find((line) => !/^(W: |npm warn)/.test(line)) ?? lines[0] ?? '';
}
