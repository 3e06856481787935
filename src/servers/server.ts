/** A Postgres with a superuser, started for a demo or a test. */
export interface PostgresServer {
  /** Superuser, database `postgres`. */
  readonly url: string;
  readonly port: number;
  /** Major version. */
  readonly version: number;
  /** Where it came from, as a sentence. */
  readonly source: string;
  /** Creates an empty database (a fresh name if none is given) and returns its URL. */
  createDatabase(name?: string): Promise<string>;
  /**
   * `fast` lets sessions end in order, and waits for replication clients; `immediate` leaves a recovery to the next start.
   * Throws SERVERS_STOP_FAILED when it still runs after `withinMs` (30 s); it may end later then.
   */
  stop(mode?: StopMode, withinMs?: number): Promise<void>;
  /** Starts it again: same data, same port. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Stops it and removes what it wrote. Safe to call twice. */
  close(): Promise<void>;
}

export type StopMode = 'fast' | 'immediate';

/** A Redis or Valkey started for a demo or a test. What it keeps over a restart depends on its arguments. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly version: string;
  /** Where it came from, as a sentence. */
  readonly source: string;
  /** SIGTERM, and waits until it has left. Throws SERVERS_STOP_FAILED when it still runs after `withinMs` (20 s). */
  stop(withinMs?: number): Promise<void>;
  /** Starts it again: same folder, same port. */
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Stops it and removes what it wrote. Safe to call twice. */
  close(): Promise<void>;
}

/** The result of looking for a server in one place: a server, or the reason why this place has none. */
export type Found<T> = { readonly server: T } | { readonly reason: string };
