import type { Sql } from '../core/ports.ts';

/** Reads an entry through the cache: a hit, or `load` and store under a lease. */
export interface Cache {
  /** `index`: the set that the entry's key is noted in before it is stored. */
  get(key: string, options: { ttlMs: number; index?: string }, load: () => Promise<string>): Promise<string>;
}

/** One of the systems under `rules/`: its writers know nothing of the cache, its readers nothing of invalidation. */
export interface System {
  /** Its folder under `rules/`, with schema.sql and seed.sql. */
  readonly name: string;
  /** Makes one change, and says which in a few words. */
  write(sql: Sql): Promise<string>;
  /** Reads something that somebody looks at. */
  read(cache: Cache, sql: Sql): Promise<void>;
  /** The value that a key of this system has, by the tables; `undefined` for a key of another. */
  fresh(key: string, sql: Sql): Promise<string | undefined>;
}
