import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll } from 'vitest';

export interface StatusReport {
  readonly write: bigint;
  readonly flush: bigint;
  readonly apply: bigint;
  readonly atMs: number;
}

export interface Proxy {
  /** The same database, through the proxy. */
  readonly url: string;
  /** Standby status updates that clients have sent, as the server gets them. */
  readonly reports: readonly StatusReport[];
  /** Connections that were opened so far. */
  readonly connections: number;
  /** The connections of this moment go silent, without an end: what a network does that goes away. New ones work. */
  freeze(): void;
  /** From now on, what the server sends passes through this, which may change the bytes. */
  damage(how: (bytes: Buffer) => void): void;
}

/** A TCP proxy in front of a database. */
export async function useProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const reports: StatusReport[] = [];
  let frozen = new Set<Socket>();
  let connections = 0;
  let damage: (bytes: Buffer) => void = () => undefined;
  const server = createServer((client) => {
    connections++;
    const upstream = connect(Number(port), hostname);
    const watch = statusWatcher((report) => reports.push(report));
    pipe(client, upstream, watch);
    pipe(upstream, client, (bytes) => damage(bytes));
  });
  function pipe(from: Socket, to: Socket, watch?: (bytes: Buffer) => void): void {
    sockets.add(from);
    from.on('error', () => undefined);
    from.on('data', (bytes: Buffer) => {
      if (frozen.has(from)) return;
      watch?.(bytes);
      if (!to.write(bytes)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('close', () => {
      sockets.delete(from);
      if (!frozen.has(from)) to.destroy();
    });
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    reports,
    get connections() {
      return connections;
    },
    damage: (how) => {
      damage = how;
    },
    freeze: () => {
      frozen = new Set(sockets);
    },
  };
}

/** Finds standby status updates (CopyData with 'r') in what a client sends. */
function statusWatcher(onReport: (report: StatusReport) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  let greeted = false;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const header = greeted ? 1 : 0; // the first packet has no type
      if (rest.length < header + 4) return;
      const length = header + rest.readUInt32BE(header);
      if (rest.length < length) return;
      const packet = rest.subarray(0, length);
      rest = rest.subarray(length);
      greeted = true;
      if (header === 1 && packet[0] === 0x64 && packet[5] === 0x72) {
        const [write, flush, apply] = [6, 14, 22].map((at) => packet.readBigUInt64BE(at));
        onReport({ write: write ?? 0n, flush: flush ?? 0n, apply: apply ?? 0n, atMs: performance.now() });
      }
    }
  };
}
