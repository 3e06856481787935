/** What the stream does not say of tables and types, read from the catalog before each connection. */
export interface Known {
  /** Tables, `schema.name`, that are published and not partitioned. */
  readonly plainTables: ReadonlySet<string>;
  /** Partitioned tables some of whose partitions log old rows by an index of their own, or not at all. */
  readonly mixedTables: ReadonlySet<string>;
  /** Domains to the types that they are made of, by oid: the stream names the domain. */
  readonly baseTypes: ReadonlyMap<number, number>;
}
