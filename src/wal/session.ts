import { UnstaleError } from '../core/errors/index.ts';
import { type Lsn, NO_LSN } from '../core/lsn.ts';
import type { Log, Sql } from '../core/ports.ts';
import { sleep } from '../pace/sleep.ts';
import { Assembler } from './assemble.ts';
import { type Connection, type ConnectionConfig, runConnection } from './connection.ts';
import { classifyBreak, classifyReplicationError } from './errors.ts';
import { Heartbeat } from './heartbeat.ts';
import { Horizon } from './horizon.ts';
import { Decoder } from './pgoutput.ts';
import { preflight, type Ready } from './preflight.ts';
import type { Slice } from './slice.ts';
import { StatusLoop } from './status.ts';
import { Valve } from './valve.ts';
import { deadAfterMs, Watchdog } from './watchdog.ts';
import { Watermark } from './watermark.ts';

export interface SessionOptions {
  readonly connection: ConnectionConfig;
  readonly slot: string;
  readonly publication: string;
  readonly temporarySlot: boolean;
  readonly sql: Sql;
  readonly log: Log;
  readonly horizonMs: number;
  readonly heartbeatMs: number;
  readonly sliceChanges: number;
  readonly sliceBytes: number;
  /** Multiplies the patience with a silent server: a connection that is given up too early would never get further. */
  readonly patience: number;
  /** Streaming begins; nothing has come in yet. */
  readonly onStart: (session: Session) => void;
  readonly onSlice: (slice: Slice) => void;
  /** After each read from the socket. */
  readonly onRead: () => void;
}

/** How long a clean end may take before the connection is cut off. */
const LEAVE_MS = 2000;

/**
 * Looks whether the slot can be read from, and streams from it until that is over: resolves after `close`, rejects with
 * an UnstaleError. When `signal` aborts, the connection is cut off.
 */
export async function runSession(options: SessionOptions, signal: AbortSignal): Promise<void> {
  await new Session(options, await preflight(options), signal).run();
}

/** One connection from its start to its end, and all that belongs to it alone. The next one starts from nothing. */
export class Session {
  readonly #options: SessionOptions;
  readonly #ready: Ready;
  readonly #watermark: Watermark;
  readonly #horizon: Horizon;
  readonly #decoder: Decoder;
  readonly #heartbeat: Heartbeat;
  readonly #cut = new AbortController();
  /** Aborts when the connection is gone. */
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #connection: Connection | undefined;
  #valve: Valve | undefined;
  #status: StatusLoop | undefined;
  #watchdog: Watchdog | undefined;
  #failure: UnstaleError | undefined;
  #closing = false;
  /** Whatever still comes in is dropped: the server will send it again. */
  #deaf = false;

  constructor(options: SessionOptions, ready: Ready, signal: AbortSignal) {
    this.#options = options;
    this.#ready = ready;
    this.#signal = AbortSignal.any([signal, this.#cut.signal]);
    this.#watermark = new Watermark(ready.confirmedLsn);
    this.#horizon = new Horizon(options.horizonMs, ready.confirmedLsn);
    this.#heartbeat = this.#createHeartbeat();
    this.#decoder = new Decoder(
      new Assembler({
        watermark: this.#watermark,
        sliceChanges: options.sliceChanges,
        sliceBytes: options.sliceBytes,
        onSlice: options.onSlice,
        onMessage: (message) => this.#heartbeat.echo(message.content),
      }),
      ready.known,
    );
  }

  /** Process of the server that serves this connection. */
  get pid(): number | undefined {
    return this.#connection?.pid;
  }

  get watermarkLsn(): Lsn {
    return this.#watermark.lsn;
  }

  get confirmedLsn(): Lsn {
    return this.#horizon.confirmed;
  }

  get receivedLsn(): Lsn {
    return this.#watermark.received;
  }

  get lagMs(): number | undefined {
    return this.#heartbeat.lagMs;
  }

  async run(): Promise<void> {
    const { connection: config, slot, publication, temporarySlot: temporary } = this.#options;
    try {
      const handlers = {
        onStart: (connection: Connection) => this.#start(connection),
        onMessage: (message: Buffer) => this.#receive(message),
        onKeepalive: (sentLsn: Lsn, replyRequested: boolean) => this.#keepalive(sentLsn, replyRequested),
        onRead: (bytes: number) => this.#read(bytes),
      };
      await runConnection({ config, slot, publication, temporary, ...handlers }, this.#signal);
      if (!this.#closing) throw new UnstaleError('STREAM_LOST', 'the server ended the stream');
    } catch (error) {
      if (!this.#closing)
        throw this.#failure ?? (this.#connection ? classifyBreak(error) : classifyReplicationError(error));
    } finally {
      this.#stopTimers();
      this.#over.abort();
    }
  }

  /** Backpressure: stop reading, go on. Status reports go out all the same. */
  pause(): void {
    this.#valve?.shut();
  }

  resume(): void {
    this.#valve?.open();
  }

  /** Breaks the connection off with this error. */
  fail(error: UnstaleError): void {
    this.#failure ??= error;
    this.#deaf = true;
    this.#cut.abort();
  }

  /** Confirms what is finished, without a horizon. Did the server let go of the slot in time? Else it was cut off. */
  async close(): Promise<boolean> {
    const connection = this.#connection;
    if (!connection) return true;
    this.#closing = true;
    this.#deaf = true;
    this.#valve?.stop();
    connection.socket.resume(); // the server's goodbye lies behind what is not read yet
    this.#horizon.close(this.#watermark.lsn);
    this.#status?.report();
    this.#stopTimers();
    connection.leave();
    await sleep(LEAVE_MS, this.#over.signal);
    const clean = this.#over.signal.aborted;
    this.#cut.abort();
    return clean;
  }

  #start(connection: Connection): void {
    this.#connection = connection;
    if (connection.startLsn !== undefined) {
      this.#watermark.note(connection.startLsn);
      this.#horizon.close(connection.startLsn);
    }
    this.#valve = new Valve(connection.socket);
    this.#watchdog = new Watchdog({
      deadMs: deadAfterMs(connection.walSenderTimeoutMs) * this.#options.patience,
      paused: () => this.#valve?.full === true,
      onDead: (silentMs) => this.fail(silent(silentMs)),
    });
    this.#status = new StatusLoop({
      walSenderTimeoutMs: connection.walSenderTimeoutMs,
      confirmed: () => this.#horizon.advance(performance.now(), this.#watermark.lsn),
      wantsPing: () => this.#watchdog?.wantsPing === true,
      send: (lsn, ping) => connection.confirm(lsn, ping),
    });
    this.#watchdog.start();
    this.#status.start();
    this.#heartbeat.start();
    this.#options.onStart(this);
  }

  #stopTimers(): void {
    this.#heartbeat.stop();
    this.#status?.stop();
    this.#watchdog?.stop();
    this.#valve?.stop();
  }

  /** Nothing may throw from here: the driver would let it end the process. */
  #receive(message: Buffer): void {
    if (this.#deaf) return;
    try {
      this.#decoder.decode(message);
    } catch (error) {
      this.fail(error instanceof UnstaleError ? error : new UnstaleError('INTERNAL', String(error), { cause: error }));
    }
  }

  #keepalive(sentLsn: Lsn, replyRequested: boolean): void {
    if (this.#deaf) return;
    if (sentLsn !== NO_LSN) this.#watermark.note(sentLsn);
    if (replyRequested) this.#status?.requested();
  }

  #read(bytes: number): void {
    this.#watchdog?.heard();
    this.#valve?.wasRead(bytes);
    if (!this.#deaf) this.#options.onRead();
  }

  #createHeartbeat(): Heartbeat {
    const { sql, log, heartbeatMs: everyMs, publication } = this.#options;
    return new Heartbeat({ sql, log, everyMs, publication, onPublication: (oid) => this.#checkPublication(oid) });
  }

  /** Before Postgres 18 the stream itself would fail; since then it goes on without the changes. */
  #checkPublication(oid: number | undefined): void {
    if (oid === this.#ready.publicationOid || this.#deaf) return;
    const what = oid === undefined ? 'was dropped' : 'was dropped and made again';
    this.fail(new UnstaleError('PUBLICATION_MISSING', `the publication ${this.#options.publication} ${what}`));
  }
}

function silent(ms: number): UnstaleError {
  return new UnstaleError('STREAM_SILENT', `nothing came from the server for ${Math.round(ms / 1000)} s`);
}
