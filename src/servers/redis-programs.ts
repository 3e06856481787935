import { accessSync, constants } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import { unpackedRedis } from './redis-package.ts';
import { type RedisProgram, tryRedis } from './redis-program.ts';

/** redis-server or valkey-server as installed on the machine, or why there is none. */
export async function installedRedis(): Promise<RedisProgram | { reason: string }> {
  let reason = 'no redis-server or valkey-server on PATH';
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['redis-server', 'valkey-server']) {
      const path = join(folder, name);
      if (folder === '' || !isProgram(path)) continue;
      const program = await tryRedis(path, (version) => `${nameOf(name)} ${version}, installed as ${path}`);
      if ('path' in program) return program;
      reason = program.reason;
    }
  }
  return { reason };
}

/** A Redis that came by npm, or the distribution's package unpacked into the cache. Throws SERVERS_NO_REDIS. */
export async function embeddedRedis(): Promise<RedisProgram> {
  const bundled = await bundledRedis();
  if ('path' in bundled) return bundled;
  const installed = await installedRedis();
  const tried = [`machine: ${'path' in installed ? 'found' : installed.reason}`, `npm: ${bundled.reason}`];
  try {
    return await unpackedRedis();
  } catch (error) {
    tried.push(`distribution's package: ${messageOf(error)}`);
    throw new UnstaleError('SERVERS_NO_REDIS', `no Redis to be had:\n  ${tried.join('\n  ')}`, {
      hint: installHint(),
      cause: error,
    });
  }
}

/** The binary inside @falkordblite/<platform> is a plain redis-server; it needs glibc 2.38. */
async function bundledRedis(): Promise<RedisProgram | { reason: string }> {
  const name = `@falkordblite/${process.platform}-${process.arch}`;
  let path: string;
  try {
    path = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'redis-server');
  } catch {
    return { reason: `the package ${name} is not installed` };
  }
  return tryRedis(path, (version) => `embedded Redis ${version}, from the npm package ${name}`);
}

function nameOf(program: string): string {
  return program === 'valkey-server' ? 'Valkey' : 'Redis';
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const INSTALL: readonly (readonly [manager: string, ...steps: string[]])[] = [
  ['apt-get', 'apt-get update', 'apt-get install --yes redis-server'],
  ['dnf', 'dnf install valkey'],
  ['apk', 'apk add redis'],
  ['pacman', 'pacman -S valkey'],
  ['zypper', 'zypper install redis'],
  ['brew', 'brew install redis'],
];

/** The command for the package manager of this system. */
function installHint(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const found = INSTALL.find(([manager]) => folders.some((folder) => isProgram(join(folder, manager))));
  if (!found) return undefined;
  const [manager, ...steps] = found;
  const become = process.getuid?.() === 0 || manager === 'brew' ? '' : 'sudo ';
  return `Install Redis with: ${steps.map((step) => become + step).join(' && ')}`;
}
