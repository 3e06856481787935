import { Socket, type SocketConstructorOpts } from 'node:net';
import type { ReadableOptions } from 'node:stream';
import { LogicalReplicationService } from 'pg-logical-replication';
import { quoteIdentifier } from '../core/catalog.ts';
import { UnstaleError } from '../core/errors/index.ts';
import { formatLsn, type Lsn, parseLsn } from '../core/lsn.ts';
import { SESSION_SETTINGS } from '../db/sql.ts';
import { quoteText } from './quote.ts';
import { checkSlotName } from './slot.ts';

type Config = ConstructorParameters<typeof LogicalReplicationService>[0];
type Plugin = Parameters<LogicalReplicationService['subscribe']>[0];
type Client = Parameters<Plugin['start']>[0];

/** Parts of pg's ClientConfig: `connectionString`, `ssl`, a `password` function. */
export type ConnectionConfig = Pick<Config, 'connectionString' | 'ssl' | 'password'>;

export interface ConnectionOptions {
  readonly config: ConnectionConfig;
  readonly slot: string;
  readonly publication: string;
  /** Make the slot on this connection, from now on; it goes when the connection ends. */
  readonly temporary: boolean;
  /** Streaming begins; nothing has come in yet. */
  readonly onStart: (connection: Connection) => void;
  /** One pgoutput message. Its bytes are good until this returns. Must not throw. */
  readonly onMessage: (message: Buffer) => void;
  /** The server has sent everything up to here. */
  readonly onKeepalive: (sentLsn: Lsn, replyRequested: boolean) => void;
  /** So many bytes were read from the socket, and all messages that they complete have been handed over. */
  readonly onRead: (bytes: number) => void;
}

/** A connection that streams. */
export interface Connection {
  /** Process of the server that serves it. */
  readonly pid: number;
  /** 0: no timeout. */
  readonly walSenderTimeoutMs: number;
  /** Where a temporary slot begins. */
  readonly startLsn?: Lsn | undefined;
  readonly socket: { pause(): unknown; resume(): unknown };
  /** Confirms everything before `lsn` (exactly: the end of a commit record, say). `ping`: ask for an answer. */
  confirm(lsn: Lsn, ping: boolean): void;
  /** Ends the stream in good order; the server frees the slot before it is over. */
  leave(): void;
}

const CONNECT_MS = 10_000;
/** What Node reads ahead while reading is paused. Its own default was raised to 64 KiB, which is slower here (measured). */
const BUFFER_BYTES = 16 * 1024;

/**
 * Connects, streams from the position that the slot confirms, and returns when that is over: resolves after `leave`,
 * rejects with what the driver reports. When `signal` aborts, the connection is cut off, however it stands.
 *
 * `pg-logical-replication` is used in the one way that loses nothing (each point has a test in traps.pg.test.ts): its
 * acknowledgements, its timer and its flow control stay off; a service and a plugin serve one connection only; the
 * start position is always `0/0`, since its own would be the last one received; names are quoted here; nothing may
 * throw inside its callbacks.
 */
export async function runConnection(options: ConnectionOptions, signal: AbortSignal): Promise<void> {
  checkSlotName(options.slot);
  signal.throwIfAborted();
  const { socket, destroy } = createSocket(signal);
  const service = new LogicalReplicationService(clientConfig(options.config, socket), {
    acknowledge: { auto: false, timeoutSeconds: 0 },
    flowControl: { enabled: false },
  });
  const plugin = createPlugin(options, (facts) => {
    service.once('start', () => options.onStart(createHandle(service, facts)));
  });
  // What it reports here rejects `subscribe` as well; without a listener it would end the process.
  service.on('error', () => undefined);
  service.on('heartbeat', (lsn, _timestamp, replyRequested) => options.onKeepalive(parseLsn(lsn), replyRequested));
  try {
    await service.subscribe(plugin, options.slot, '0/0');
  } finally {
    destroy();
    await service.destroy().catch(() => undefined);
  }
}

function createHandle(service: LogicalReplicationService, { client, ...facts }: Started): Connection {
  return {
    ...facts,
    socket: client.connection.stream,
    // The library adds 1 to what it is given. The commit record of another transaction may start right there, and the
    // server skips what starts before the confirmed position.
    confirm: (lsn, ping) => void service.acknowledge(formatLsn(lsn - 1n), ping),
    leave: () => endCopy(client),
  };
}

/** The socket is ours, so that it can be cut off at any moment, also while the driver is still connecting. */
function createSocket(signal: AbortSignal): { socket: Socket; destroy: () => void } {
  const options: SocketConstructorOpts & ReadableOptions = { highWaterMark: BUFFER_BYTES };
  const socket = new Socket(options);
  let destroyed = false;
  const destroy = () => {
    destroyed = true;
    socket.destroy();
    signal.removeEventListener('abort', destroy);
  };
  // A socket that was destroyed before the driver connects it comes to life again.
  socket.on('connect', () => destroyed && socket.destroy());
  if (signal.aborted) destroy();
  else signal.addEventListener('abort', destroy);
  return { socket, destroy };
}

interface Started {
  readonly client: Client;
  readonly pid: number;
  readonly walSenderTimeoutMs: number;
  readonly startLsn?: Lsn | undefined;
}

function clientConfig(config: ConnectionConfig, socket: Socket): Config {
  return {
    application_name: 'unstale',
    ...config,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: CONNECT_MS,
    stream: () => socket,
  };
}

/** A plain object serves as the library's plugin: its own base class is not exported. */
function createPlugin(options: ConnectionOptions, onReady: (facts: Started) => void): Plugin {
  return {
    name: 'pgoutput',
    options: {},
    parse: options.onMessage,
    async start(client, slot, lsn) {
      const { rows } = await client.query<{ pid: number; timeout: string }>(SESSION_FACTS);
      await client.query(SESSION_SETTINGS);
      const startLsn = options.temporary ? await createTemporarySlot(client, slot) : undefined;
      // After the driver's own listener, so that its messages have been handed over when this one is called.
      client.connection.stream.on('data', (chunk: Buffer) => options.onRead(chunk.length));
      onReady({ client, pid: rows[0]?.pid ?? 0, walSenderTimeoutMs: Number(rows[0]?.timeout), startLsn });
      return client.query(startReplicationSql({ slot, lsn, publication: options.publication }));
    },
  };
}

const SESSION_FACTS = `
  select pg_backend_pid() as pid, setting as timeout from pg_settings where name = 'wal_sender_timeout'`;

/** The spelling of Postgres 14, which later ones understand. */
async function createTemporarySlot(client: Client, slot: string): Promise<Lsn> {
  const { rows } = await client.query<{ consistent_point: string }>(
    `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`,
  );
  return parseLsn(rows[0]?.consistent_point ?? '');
}

/** Publication names are a list of SQL identifiers inside an SQL text, so they are quoted twice. */
export function startReplicationSql(of: { slot: string; lsn: string; publication: string }): string {
  const options = `proto_version '1', publication_names ${quoteText(quoteIdentifier(of.publication))}, messages 'true'`;
  return `START_REPLICATION SLOT ${quoteIdentifier(of.slot)} LOGICAL ${of.lsn} (${options})`;
}

/** CopyDone: the driver has it but does not declare it, and the library has nothing of the kind. */
function endCopy(client: Client): void {
  const end: unknown = Reflect.get(client.connection, 'endCopyFrom');
  if (typeof end !== 'function') throw new UnstaleError('INTERNAL', 'the Postgres driver cannot end a stream');
  Reflect.apply(end, client.connection, []);
}
