import type { Transaction } from '../core/change.ts';
import type { UnstaleError } from '../core/errors/index.ts';
import type { Lsn } from '../core/lsn.ts';
import type { Log, Sql } from '../core/ports.ts';
import type { ConnectionConfig } from './connection.ts';

export interface WalOptions {
  readonly connection: ConnectionConfig;
  readonly slot: string;
  readonly publication: string;
  /** The primary, for checks before connecting and for heartbeats. */
  readonly sql: Sql;
  readonly log: Log;
  /** Reading pauses while slices that are given out and not released come to more than this. Default 4 MiB. */
  readonly maxBytesInFlight?: number;
  /** ... or while those that are held come to more than this. Default 16 MiB. */
  readonly maxBytesHeld?: number;
  /** The confirmed position stays behind the low watermark by so much. Default 5 s. */
  readonly horizonMs?: number;
  /** Default 10 s. */
  readonly heartbeatMs?: number;
  /** Make the slot for this connection only, from now on (dry runs). It must not exist. */
  readonly temporarySlot?: boolean;
  /** A transaction is given out in slices of at most so many changes. Default 5,000. */
  readonly sliceChanges?: number;
  /** ... and about so many bytes on the wire. Default 1 MiB. */
  readonly sliceBytes?: number;
  readonly onState?: (state: WalState) => void;
}

/**
 * `idle`: not started. `standby`: another process reads from the slot. `waiting`: pause after an error. `failed`: gave
 * up, `lastError` says why.
 */
export type WalState = 'idle' | 'connecting' | 'streaming' | 'standby' | 'waiting' | 'failed' | 'stopped';

export interface WalStatus {
  readonly state: WalState;
  /** All that ends here or before is finished. `NO_LSN` until the first connection. */
  readonly watermarkLsn: Lsn;
  /** Reported to the server as flushed. */
  readonly confirmedLsn: Lsn;
  readonly receivedLsn: Lsn;
  readonly bytesInFlight: number;
  /** Reading is paused by backpressure. */
  readonly paused: boolean;
  /** By the echo of the heartbeat; absent until the first one. */
  readonly lagMs?: number | undefined;
  readonly lastError?: UnstaleError | undefined;
}

export interface WalStream {
  /**
   * Slices in commit order: all that have arrived since the last call, never none. `undefined` once the stream has been
   * drained or stopped. Rejects with errors that no further attempt can mend; all others are retried inside.
   */
  take(): Promise<readonly Transaction[] | undefined>;
  /** Every effect of these slices is finished. In any order; again, or of an earlier connection: no effect. */
  finish(transactions: readonly Transaction[]): void;
  /** They are kept back until readers see them: they count against `maxBytesHeld` from now on. */
  hold(transactions: readonly Transaction[]): void;
  /** Their effects are in the queue: lets go of their rows (`changes` is empty from then on), so that reading can go on. */
  release(transactions: readonly Transaction[]): void;
  status(): WalStatus;
  /** Idempotent. */
  start(): void;
  /** Streams again from the confirmed position: what was given out since then is given out once more. */
  reopen(reason: string): void;
  /** Gives nothing out any more: `take` ends. The connection stays, so that what is in hand can still be confirmed. */
  drain(): void;
  /** Confirms everything that is finished and leaves the slot to others. Within seconds, whatever the network does. */
  stop(): Promise<void>;
}
