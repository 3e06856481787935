/**
 * A position in the WAL, as an unsigned 64-bit integer. Text forms differ (`0/2C7FCA88`, zero-padded in messages), so
 * positions are compared as integers only. Source: https://www.postgresql.org/docs/current/datatype-pg-lsn.html
 */
export type Lsn = bigint;

export const NO_LSN: Lsn = 0n;

/** `X/Y` in hexadecimal to an integer. Throws a RangeError when the text is no LSN. */
export function parseLsn(text: string): Lsn {
  const parts = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (!parts) throw new RangeError(`not an LSN: ${JSON.stringify(text)}`);
  return (BigInt(`0x${parts[1]}`) << 32n) | BigInt(`0x${parts[2]}`);
}

/** An integer to `X/Y`, as Postgres prints it. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`;
}
