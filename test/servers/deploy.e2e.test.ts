import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { OPTIONS } from '../../src/config/options.ts';
import { sql } from '../../src/servers/admin.ts';
import { ask } from '../../src/servers/redis-wire.ts';
import { until, usePostgres, useRedis } from '../harness.ts';
import { cli, type Running, startCli } from '../process.ts';

/** The part of a compose file that is looked at here. */
interface Service {
  image: string;
  command?: string[];
  environment?: Record<string, string>;
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
  deploy?: { replicas: number };
  healthcheck?: { disable?: boolean };
  stop_grace_period?: string;
}

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
  configs: Record<string, { content: string }>;
};
const dockerfile = readFileSync('Dockerfile', 'utf8');

const service = (name: string): Service => {
  const found = compose.services[name];
  if (!found) throw new Error(`no service ${name} in docker-compose.yml`);
  return found;
};
/** What compose makes of `${NAME:-default}` with an empty environment. */
const filled = (text: string) => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

describe('docker-compose.yml and Dockerfile', () => {
  it('name every image by its exact version', () => {
    const images = [
      ...Object.values(compose.services).map((one) => one.image),
      ...[...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]),
    ];
    expect(images.filter((image) => !/:\d+\.\d+/.test(image ?? ''))).toEqual([]);
  });

  it('give the image the version of the package', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(service('tail').image).toBe(`unstale:${version}`);
  });

  it('set only settings that exist', () => {
    const known = new Set<string>(Object.values(OPTIONS).map((option) => option.name));
    for (const name of ['setup', 'tail', 'work']) {
      const set = Object.keys(service(name).environment ?? {});
      expect(set.filter((variable) => !known.has(variable))).toEqual([]);
    }
  });

  it('run one tail and two workers, once the database is prepared', () => {
    expect(service('tail').deploy?.replicas ?? 1).toBe(1);
    expect(service('work').deploy?.replicas).toBe(2);
    for (const name of ['tail', 'work']) {
      expect(service(name).depends_on?.setup?.condition).toBe('service_completed_successfully');
    }
  });

  it('let everything into the image that its build copies', () => {
    const allowed = readFileSync('.dockerignore', 'utf8')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      (match) => match[1]?.split(' ') ?? [],
    );
    expect(copied.filter((path) => !allowed.includes(path))).toEqual([]);
    expect(allowed.filter((path) => !copied.includes(path))).toEqual([]);
  });
});

describe('what docker-compose.yml starts', () => {
  const running: Running[] = [];
  afterAll(() => Promise.all(running.map((one) => one.stop('SIGKILL'))));

  it('deletes the keys of a changed row, under a role that may only replicate and read, and ends in time', async () => {
    const servers = {
      postgres: await usePostgres({ settings: settingsOf(service('postgres')) }),
      cache: await useRedis({ args: (service('cache').command ?? []).slice(1) }),
      queue: await useRedis({ args: (service('queue').command ?? []).slice(1) }),
    };
    const ports: Record<string, number> = {
      postgres: servers.postgres.port,
      cache: servers.cache.port,
      queue: servers.queue.port,
    };
    await servers.postgres.createDatabase(service('postgres').environment?.POSTGRES_DB ?? '');
    const owner = environmentOf(service('setup'), ports);
    for (const text of initialisation()) await sql(owner.DATABASE_URL ?? '', text);

    expect(await cli(service('setup').command ?? [], owner)).toMatchObject({ code: 0 });
    const worker = environmentOf(service('tail'), ports);
    for (const name of ['tail', 'work', 'work']) running.push(startCli(service(name).command ?? [], worker));

    await ask(servers.cache.url, ['SET', 'prefs:acme:u1', 'old'], ['SET', 'prefs:acme:u2', 'kept']);
    await sql(
      owner.DATABASE_URL ?? '',
      `update preferences set confidence = 0.1 where tenant = 'acme' and user_id = 'u1'`,
    );
    await until(async () => (await ask(servers.cache.url, ['GET', 'prefs:acme:u1']))[0] === null, {
      timeoutMs: 20_000,
      what: `the key to go; the tail says ${running[0]?.output.stderr}`,
    });
    expect(await ask(servers.cache.url, ['GET', 'prefs:acme:u2'])).toEqual(['kept']);

    const [, check] = /^HEALTHCHECK [^[]*(\[.*\])$/m.exec(dockerfile) ?? [];
    const health = (JSON.parse(check ?? '[]') as string[]).slice(2);
    expect(health).toEqual(['status', '--json']);
    expect(await cli(health, worker)).toMatchObject({ code: 0 });

    const grace = Number.parseInt(service('tail').stop_grace_period ?? '', 10) * 1_000;
    const before = performance.now();
    const ends = await Promise.all(running.map((one) => one.stop('SIGTERM')));
    expect(ends.map((end) => end.code)).toEqual([0, 0, 0]);
    expect(performance.now() - before).toBeLessThan(grace);
    expect(await cli(health, { ...worker, QUEUE_REDIS_URL: 'redis://127.0.0.1:1' })).toMatchObject({ code: 1 });
  });
});

/** `-c name=value` of the command. */
function settingsOf({ command = [] }: Service): Record<string, string> {
  return Object.fromEntries(
    command.flatMap((word) => (word.includes('=') ? [word.split('=') as [string, string]] : [])),
  );
}

/** The service's variables, the other services being ports of this machine and its rules the folder that is mounted. */
function environmentOf(one: Service, ports: Readonly<Record<string, number>>): Record<string, string> {
  const at = (text: string) =>
    text.replace(/(postgres|cache|queue):(\d+)/, (_, name: string) => `127.0.0.1:${ports[name]}`);
  const rules = one.volumes?.find((volume) => volume.includes(':/app/rules'))?.split(':')[0] ?? '';
  const set = Object.entries(one.environment ?? {}).map(([name, value]) => [name, at(filled(value))]);
  return { UNSTALE_RULES: rules, ...Object.fromEntries(set) };
}

/** The SQL that the image of Postgres runs at its first start, in its order. */
function initialisation(): string[] {
  const inFolder = (path: string) => path.includes('/docker-entrypoint-initdb.d/');
  const files = (service('postgres').volumes ?? []).filter(inFolder).map((volume) => {
    const [from = '', to = ''] = volume.split(':');
    expect(readdirSync(join(from, '..'))).toContain(from.split('/').at(-1));
    return { to, text: readFileSync(from, 'utf8') };
  });
  const role = { to: '/docker-entrypoint-initdb.d/30', text: filled(compose.configs['worker-role']?.content ?? '') };
  return [...files, role].sort((one, two) => (one.to < two.to ? -1 : 1)).map((file) => file.text);
}
