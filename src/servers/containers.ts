import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { GenericContainer, StartedTestContainer } from 'testcontainers';
import { messageOf, UnstaleError } from '../core/errors/index.ts';
import { createDatabase, sql } from './admin.ts';
import { freePort } from './ports.ts';
import { SETTINGS, type Settings } from './postgres-local.ts';
import { ask, fieldOf } from './redis-wire.ts';
import type { Found, PostgresServer, RedisServer } from './server.ts';

const POSTGRES_IMAGES: Readonly<Record<number, string>> = {
  14: 'postgres:14.23-alpine',
  15: 'postgres:15.18-alpine',
  16: 'postgres:16.14-alpine',
  17: 'postgres:17.10-alpine',
  18: 'postgres:18.4-alpine',
};
const REDIS_IMAGE = 'redis:8.2.3-alpine';
const START_MS = 60_000;

/** Postgres in a container, or the reason why there is none. */
export async function containerPostgres(version: number, settings: Settings): Promise<Found<PostgresServer>> {
  const image = POSTGRES_IMAGES[version] ?? `postgres:${version}`;
  const flags = Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const started = await startContainer(image, 5432, (container) =>
    container.withCommand(['postgres', ...flags]).withEnvironment({ POSTGRES_HOST_AUTH_METHOD: 'trust', TZ: 'UTC' }),
  );
  if ('reason' in started) return started;
  const { server: box } = started;
  const url = `postgres://postgres@${box.host}:${box.port}/postgres`;
  const ready = () => untilAnswers(box, () => sql(url, 'select 1'));
  await ready();
  return {
    server: {
      url,
      port: box.port,
      version,
      source: `Postgres ${version}, container of ${image}`,
      createDatabase: (name) => createDatabase(url, name),
      stop: (mode = 'fast') => box.end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT'),
      start: () => box.start(ready),
      kill: () => box.end('SIGKILL'),
      close: () => box.close(),
    },
  };
}

/** Redis in a container, or the reason why there is none. */
export async function containerRedis(args: readonly string[]): Promise<Found<RedisServer>> {
  const started = await startContainer(REDIS_IMAGE, 6379, (container) =>
    container.withCommand(['redis-server', '--save', '', '--appendonly', 'no', ...args]),
  );
  if ('reason' in started) return started;
  const { server: box } = started;
  const url = `redis://${box.host}:${box.port}`;
  let version = 'unknown';
  const ready = () =>
    untilAnswers(box, async () => {
      const [info] = await ask(url, ['INFO', 'server'], ['PING']);
      version = fieldOf(info, 'redis_version') ?? version;
    });
  await ready();
  return {
    server: {
      url,
      port: box.port,
      version,
      source: `Redis ${version}, container of ${REDIS_IMAGE}`,
      stop: () => box.end('SIGTERM'),
      start: () => box.start(ready),
      kill: () => box.end('SIGKILL'),
      close: () => box.close(),
    },
  };
}

interface Box {
  readonly host: string;
  readonly port: number;
  end(signal: string): Promise<void>;
  start(ready: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

async function startContainer(
  image: string,
  inside: number,
  shape: (container: GenericContainer) => GenericContainer,
): Promise<Found<Box>> {
  if (!(await engineAnswers())) return { reason: 'no container engine answers' };
  try {
    const { GenericContainer, getContainerRuntimeClient, Wait } = await import('testcontainers');
    // The same port after a restart needs one that was chosen here.
    const port = await freePort();
    const container = shape(new GenericContainer(image).withExposedPorts({ container: inside, host: port }))
      .withAutoRemove(false)
      .withWaitStrategy(Wait.forListeningPorts())
      .withStartupTimeout(START_MS);
    const started = await container.start();
    const { container: client } = await getContainerRuntimeClient();
    return { server: boxOf(started, client.getById(started.getId()), port) };
  } catch (error) {
    return { reason: `a container of ${image} did not start: ${messageOf(error)}` };
  }
}

/** The part of dockerode that is used here. */
interface Engine {
  kill(options: { signal: string }): Promise<unknown>;
  wait(): Promise<unknown>;
  start(): Promise<unknown>;
  inspect(): Promise<{ State: { Running: boolean } }>;
}

function boxOf(started: StartedTestContainer, engine: Engine, port: number): Box {
  const runs = async () => (await engine.inspect()).State.Running;
  let closing: Promise<unknown> | undefined;
  return {
    host: started.getHost(),
    port,
    async end(signal) {
      if (!(await runs())) return;
      const ended = engine.wait();
      await engine.kill({ signal });
      await ended;
    },
    async start(ready) {
      if (await runs()) return;
      await engine.start();
      await ready();
    },
    async close() {
      closing ??= started.stop({ timeout: 0 });
      await closing;
    },
  };
}

async function untilAnswers(box: Box, question: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    try {
      await question();
      return;
    } catch (error) {
      if (/NOAUTH/.test(messageOf(error))) return;
      if (Date.now() > deadline) {
        await box.close();
        const message = `the container on port ${box.port} does not answer: ${messageOf(error)}`;
        throw new UnstaleError('SERVERS_START_FAILED', message, { cause: error });
      }
      await delay(20);
    }
  }
}

/** Is there an engine? Asked before testcontainers is imported, which takes long only to find that there is none. */
export async function engineAnswers(): Promise<boolean> {
  for (const place of enginePlaces()) if (await answers(place)) return true;
  return false;
}

type EnginePlace = { socketPath: string } | { host: string; port: number };

function enginePlaces(): EnginePlace[] {
  const named = process.env.DOCKER_HOST ?? process.env.TESTCONTAINERS_DOCKER_HOST ?? namedInProperties();
  if (named) return placeOf(named);
  const runtime = process.env.XDG_RUNTIME_DIR;
  const home = homedir();
  const sockets = [
    '/var/run/docker.sock',
    ...(runtime ? [join(runtime, '.docker/run/docker.sock'), join(runtime, 'docker.sock')] : []),
    ...(runtime ? [join(runtime, 'podman/podman.sock')] : []),
    join(home, '.docker/run/docker.sock'),
    join(home, '.docker/desktop/docker.sock'),
  ];
  return sockets.filter((path) => existsSync(path)).map((socketPath) => ({ socketPath }));
}

/** ~/.testcontainers.properties may name the engine as well. */
function namedInProperties(): string | undefined {
  try {
    const text = readFileSync(join(homedir(), '.testcontainers.properties'), 'utf8');
    return /^\s*(?:docker|tc)\.host\s*=\s*(\S+)/m.exec(text)?.[1];
  } catch {
    return undefined;
  }
}

function placeOf(named: string): EnginePlace[] {
  if (!URL.canParse(named)) return [];
  const { protocol, hostname, port, pathname } = new URL(named);
  if (protocol === 'unix:') return existsSync(pathname) ? [{ socketPath: pathname }] : [];
  return hostname ? [{ host: hostname, port: Number(port || 2375) }] : [];
}

/** Any HTTP answer to a ping will do: an engine behind TLS answers 400 to it. */
function answers(place: EnginePlace): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ ...place, path: '/_ping', timeout: 1_000 }, (response) => {
      response.resume();
      resolve(true);
    });
    ping.once('timeout', () => ping.destroy(new Error('no answer')));
    ping.once('error', () => resolve(false));
    ping.end();
  });
}
