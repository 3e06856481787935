import { createServer } from 'node:net';
import { UnstaleError } from '../core/errors/index.ts';

/**
 * Below the range that systems give to outgoing connections (from 32768 on Linux), so that a server which is
 * stopped for a while finds its port free again, and below 55536, as a cluster's bus uses the port + 10000.
 */
const FIRST = 15_000;
const COUNT = 17_000;

/** How far above its port a Redis Cluster node opens its bus (cluster-port). */
const BUS = 10_000;

/** A TCP port of 127.0.0.1 on which nobody listens now; with `bus`, the port + 10000 is free as well. */
export async function freePort(options: { bus?: boolean } = {}): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if ((await isFree(port)) && (!options.bus || (await isFree(port + BUS)))) return port;
  }
  throw new UnstaleError('SERVERS_START_FAILED', `no free port found from ${FIRST} to ${FIRST + COUNT} on 127.0.0.1`);
}

/**
 * Starts a server on a free port. The port is free when it is chosen, but others choose as well, so a server that finds
 * it taken is started on another one, five times at most.
 */
export async function startOnFreePort<T extends { start(): Promise<void> }>(
  create: (port: number) => T,
  options: { readonly isTaken: () => boolean; readonly bus?: boolean },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const server = create(await freePort(options));
    try {
      await server.start();
      return server;
    } catch (error) {
      if (attempt === 5 || !options.isTaken()) throw error;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
