import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { unprivileged } from '../../src/servers/account.ts';
import { versionOf } from '../../src/servers/cache.ts';
import { engineAnswers } from '../../src/servers/containers.ts';
import { startPostgres, startRedis } from '../../src/servers/index.ts';
import { startLocalPostgres } from '../../src/servers/postgres-local.ts';
import { embeddedPrograms, installedPrograms, ready } from '../../src/servers/postgres-programs.ts';
import { startLocalRedis } from '../../src/servers/redis-local.ts';
import { unpackedRedis } from '../../src/servers/redis-package.ts';
import { embeddedRedis } from '../../src/servers/redis-programs.ts';
import { ask } from '../../src/servers/redis-wire.ts';

const folders: string[] = [];
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sources-'));
  folders.push(folder);
  return folder;
}

/** PATH without any Redis: a folder of links to everything else that is on it. */
function pathWithoutRedis(): string {
  const folder = temporaryFolder();
  for (const from of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of existsSync(from) ? readdirSync(from) : []) {
      const link = join(folder, name);
      if (!/^(redis|valkey)-server$/.test(name) && !existsSync(link)) symlinkSync(join(from, name), link);
    }
  }
  return folder;
}

beforeEach(() => {
  vi.stubEnv('UNSTALE_TEST_DATABASE_URL', '');
  vi.stubEnv('UNSTALE_TEST_REDIS_URL', '');
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const isDebian = existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg-deb');

describe('a machine without a Redis', () => {
  it('has one all the same, from a package', async () => {
    vi.stubEnv('PATH', pathWithoutRedis());
    const program = await embeddedRedis();
    const server = await startLocalRedis(program, []);
    expect(server.source).toMatch(/npm package|unpacked in/);
    expect(await ask(server.url, ['PING'])).toEqual(['PONG']);
    await server.close();
  });

  it.runIf(isDebian)("has the distribution's own, fetched once into the cache and not installed", async () => {
    const cache = temporaryFolder();
    vi.stubEnv('UNSTALE_SERVERS_CACHE', cache);
    const programs = await Promise.all([unpackedRedis(), unpackedRedis()]);
    expect(programs[0]).toEqual(programs[1]);
    expect(readdirSync(cache)).toHaveLength(1);
    const made = existsSync(programs[0].path);
    expect(made).toBe(true);
    vi.stubEnv('http_proxy', 'http://127.0.0.1:1');
    expect(await unpackedRedis()).toEqual(programs[0]);
  });

  it.runIf(isDebian)('makes the unpacked one anew when it does not start any more', async () => {
    const cache = temporaryFolder();
    vi.stubEnv('UNSTALE_SERVERS_CACHE', cache);
    const first = await unpackedRedis();
    rmSync(first.path);
    const second = await unpackedRedis();
    expect(await versionOf(second.path, { env: { ...second.env } })).toHaveProperty('text');
  });

  it('says what was tried, and the command that helps, when none can be had', async () => {
    vi.stubEnv('PATH', pathWithoutRedis());
    vi.stubEnv('UNSTALE_SERVERS_CACHE', '/dev/null/nowhere');
    const result = await embeddedRedis().catch((error: unknown) => error);
    // Where the binary of the npm package starts, there is always one.
    if (!(result instanceof Error)) return;
    expect(result).toMatchObject({
      code: 'SERVERS_NO_REDIS',
      message: expect.stringMatching(/no redis-server or valkey-server on PATH[\s\S]*npm:[\s\S]*package:/),
      hint: expect.stringMatching(/Install|UNSTALE_TEST_REDIS_URL/),
    });
  });
});

describe('the programs of the npm package', () => {
  it('start from a folder that only their owner may enter, and without the links of the install script', async () => {
    const account = unprivileged();
    const programs = await embeddedPrograms(18, account);
    const root = dirname(dirname(programs.bin));
    const copy = join(temporaryFolder(), 'package');
    cpSync(root, copy, { recursive: true, filter: (path) => !isLink(root, path) });
    if (existsSync(join(copy, 'native'))) chmodSync(copy, 0o700);
    vi.stubEnv('TMPDIR', openTemporaryFolder());
    const found = await ready(copy, account, 'a copy');
    const server = await startLocalPostgres({ programs: found, version: 18, settings: {} });
    expect(server.source).toBe('a copy');
    await server.close();
  });

  it('are not to be had for a version that nobody has and that cannot be fetched', async (context) => {
    vi.stubEnv('UNSTALE_SERVERS_CACHE', '/dev/null/nowhere');
    if (await installedPrograms(14)) context.skip();
    await expect(startPostgres({ version: 14 })).rejects.toMatchObject({
      code: 'SERVERS_NO_POSTGRES',
      message: expect.stringMatching(/no Postgres 14[\s\S]*machine:[\s\S]*embedded:/),
    });
  });
});

describe('a container engine', () => {
  it('is not there when nothing answers where it is said to be', async () => {
    vi.stubEnv('DOCKER_HOST', `unix://${join(temporaryFolder(), 'docker.sock')}`);
    expect(await engineAnswers()).toBe(false);
    vi.stubEnv('DOCKER_HOST', 'tcp://127.0.0.1:1');
    expect(await engineAnswers()).toBe(false);
  });

  it('that answers but starts nothing is passed over for the next source', async () => {
    const socket = join(temporaryFolder(), 'docker.sock');
    const engine = createServer((request, response) => {
      response.statusCode = request.url === '/_ping' ? 200 : 500;
      response.end('{"message": "no"}');
    });
    await new Promise<void>((resolve) => engine.listen(socket, resolve));
    vi.stubEnv('DOCKER_HOST', `unix://${socket}`);
    expect(await engineAnswers()).toBe(true);
    const server = await startRedis();
    expect(server.source).not.toContain('container');
    await server.close();
    await new Promise((resolve) => engine.close(resolve));
  });
});

/** A temporary folder that every user may enter. */
function openTemporaryFolder(): string {
  const folder = temporaryFolder();
  chmodSync(folder, 0o755);
  return folder;
}

/** Is this one of the links that the package's install script makes? */
function isLink(root: string, path: string): boolean {
  const links = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as { target: string }[];
  return links.some(({ target }) => join(root, target) === path);
}
