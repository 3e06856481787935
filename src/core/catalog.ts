/** What can be said of a table's storage as far as logical decoding goes. Only the first two are ever watched. */
export type TableKind =
  | 'table'
  | 'partitioned'
  | 'partition'
  | 'view'
  | 'materialized view'
  | 'foreign'
  | 'unlogged'
  | 'temporary'
  | 'other';

export interface CatalogColumn {
  readonly name: string;
  /** `format_type()` */
  readonly type: string;
  /** Stored ones are sent since Postgres 18, if the publication says so; virtual ones never. */
  readonly generated: false | 'stored' | 'virtual';
  readonly notNull: boolean;
}

/** An index that may serve as replica identity: unique, valid, not partial, not deferrable, plain columns that are not null. */
export interface CatalogIndex {
  readonly name: string;
  readonly columns: readonly string[];
}

export interface CatalogTable {
  readonly schema: string;
  readonly name: string;
  readonly kind: TableKind;
  readonly columns: readonly CatalogColumn[];
  readonly identity: 'default' | 'nothing' | 'full' | 'index';
  /** Columns that the old row comes with: all for `full`, none for `nothing` and for `default` without a primary key. */
  readonly identityColumns: readonly string[];
  readonly primaryKey: readonly string[];
  readonly indexes: readonly CatalogIndex[];
  /** Of a partitioned table: all partitions beneath it that hold rows, as `schema.table`; they are in the catalog too. */
  readonly partitions?: readonly string[] | undefined;
  /** Tables that inherit from it (not partitions), as `schema.table`. */
  readonly heirs?: readonly string[] | undefined;
  /** Of a partition: the topmost table above it, as `schema.table`. */
  readonly root?: string | undefined;
  /** Absent: not in the publication. `columns`: its column list, if it has one. */
  readonly published?:
    | { readonly columns?: readonly string[] | undefined; readonly rowFilter?: string | undefined }
    | undefined;
}

/** What a database has of what rules speak of. */
export interface Catalog {
  /** By `schema.table`, exactly as in the catalog. */
  readonly tables: ReadonlyMap<string, CatalogTable>;
  /** Absent: the publication is not looked at. */
  readonly publication?:
    | {
        readonly name: string;
        readonly exists: boolean;
        /** `publish_via_partition_root` */
        readonly viaRoot: boolean;
        readonly operations: readonly ('insert' | 'update' | 'delete' | 'truncate')[];
        /** `publish_generated_columns = stored` (Postgres 18) */
        readonly generatedColumns?: boolean | undefined;
      }
    | undefined;
  /** Major version of the server: 18. */
  readonly version: number;
}

/** https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteTable({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}
