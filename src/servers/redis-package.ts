import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheFolder, fillOnce, firstLine, run } from './cache.ts';
import { type RedisProgram, tryRedis } from './redis-program.ts';

/** `redis-server` holds the service files, `redis-tools` the program (they are one binary under several names). */
const PACKAGES = ['redis-server', 'redis-tools'];
/** The system's own C and C++ runtime must be used: programs of the system are started with these libraries as well. */
const RUNTIME = /^(libc6|libc-bin|libgcc-|libstdc\+\+|gcc-)/;

/** Debian's and Ubuntu's own Redis, unpacked into the cache without installing it. Throws with the reason in words. */
export async function unpackedRedis(): Promise<RedisProgram> {
  const system = debian();
  if (!system) throw new Error('only Debian and Ubuntu have packages that can be used without installing them');
  const folder = join(cacheFolder(), `redis-${system}-${process.arch}`);
  const known = await programIn(folder, system);
  if ('path' in known) return known;
  // What is there may have been made for libraries that are gone since; it is made anew then.
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  await fillOnce(folder, (draft) => fill(draft, system));
  const program = await programIn(folder, system);
  if ('reason' in program) throw new Error(program.reason);
  return program;
}

function programIn(folder: string, system: string): Promise<RedisProgram | { reason: string }> {
  const path = join(folder, 'usr', 'bin', 'redis-server');
  const source = (version: string) => `Redis ${version}, from the package of ${system} unpacked in ${folder}`;
  return tryRedis(path, source, { LD_LIBRARY_PATH: librariesIn(folder) });
}

/** The name of the system, such as `debian-bookworm`, where its packages can be unpacked here. */
function debian(): string | undefined {
  if (process.platform !== 'linux' || !existsSync('/usr/bin/apt-get') || !existsSync('/usr/bin/dpkg-deb'))
    return undefined;
  const release = readFileSync('/etc/os-release', 'utf8');
  const field = (name: string) => new RegExp(`^${name}="?([\\w.-]+)"?$`, 'm').exec(release)?.[1];
  const id = field('ID');
  return id && `${id}-${field('VERSION_CODENAME') ?? field('VERSION_ID') ?? 'unknown'}`;
}

async function fill(folder: string, system: string): Promise<void> {
  const apt = new Apt(join(folder, '.apt'));
  await apt.unpack(PACKAGES, folder);
  // Most libraries are on the system already. First those the packages name, then those that these need in turn.
  for (const recurse of [false, true]) {
    const program = await programIn(folder, system);
    if ('path' in program) break;
    const names = await apt.librariesOf(PACKAGES, recurse);
    await apt.unpack(names, folder, { optional: true });
  }
  rmSync(join(folder, '.apt'), { recursive: true, force: true });
}

function librariesIn(folder: string): string {
  const found = [];
  for (const top of ['usr/lib', 'lib']) {
    const base = join(folder, top);
    if (!existsSync(base)) continue;
    found.push(base);
    for (const entry of readdirSync(base, { withFileTypes: true })) {
      if (entry.isDirectory() && entry.name.includes('-linux-')) found.push(join(base, entry.name));
    }
  }
  return found.join(delimiter);
}

/** apt-get without touching the system: with the system's package lists, and with own ones where these do not do. */
class Apt {
  readonly #folder: string;
  #options: string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Downloads packages and unpacks them below `into`. An optional one that cannot be had is left out. */
  async unpack(names: readonly string[], into: string, options: { optional?: boolean } = {}): Promise<void> {
    for (const name of names) {
      try {
        await this.#download(name);
      } catch (error) {
        if (!options.optional) throw new Error(`apt-get download ${name}: ${firstLine(error)}`, { cause: error });
      }
    }
    for (const file of readdirSync(this.#folder).filter((entry) => entry.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', join(this.#folder, file), into]);
      rmSync(join(this.#folder, file));
    }
  }

  async #download(name: string): Promise<void> {
    try {
      await this.#get('download', name);
    } catch (error) {
      if (this.#options.length > 0) throw error;
      await this.#refresh();
      await this.#get('download', name);
    }
  }

  /** The lists are missing (as in most container images) or name files that are gone: fetches lists of our own. */
  async #refresh(): Promise<void> {
    const lists = join(this.#folder, 'lists');
    const cache = join(this.#folder, 'cache');
    mkdirSync(join(lists, 'partial'), { recursive: true });
    mkdirSync(join(cache, 'archives', 'partial'), { recursive: true });
    this.#options = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${cache}`];
    await this.#get('update');
  }

  #get(...command: string[]): Promise<unknown> {
    return run('apt-get', [...this.#shared(), ...command], { cwd: this.#folder, timeout: 180_000, env: english() });
  }

  #shared(): string[] {
    // As root apt would become the user _apt, who cannot write to this folder.
    const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
    return ['-qq', ...sandbox, ...this.#options];
  }

  /** Libraries that the packages depend on, by name. */
  async librariesOf(names: readonly string[], recurse: boolean): Promise<string[]> {
    const no = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((what) => `--no-${what}`);
    const args = ['depends', ...no, ...(recurse ? ['--recurse'] : []), ...names];
    const { stdout } = await run('apt-cache', [...this.#options, ...args], { env: english() });
    const found = [...stdout.matchAll(/^\s+(?:Pre)?Depends: (\S+)$/gm)].map((match) => match[1] ?? '');
    return [...new Set(found)].filter((name) => /^(lib|lua-)/.test(name) && !RUNTIME.test(name));
  }
}

function english(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
}
