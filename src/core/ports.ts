/** Structured log. First the fields, then a fixed sentence: what is searched for must not vary. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Queries on the primary, parameters bound. Rows are objects by column name. Rejects with an UnstaleError. */
export interface Sql {
  query<T extends object = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<readonly T[]>;
}
