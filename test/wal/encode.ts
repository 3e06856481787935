/** Writes pgoutput messages as the server would: the other side of the decoder, for tests without a server. */

type Cell = string | null | undefined;

const int16 = (n: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(n);
  return bytes;
};
const int32 = (n: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
};
const int64 = (n: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(n);
  return bytes;
};
const text = (value: string) => Buffer.from(`${value}\0`);
const letter = (value: string) => Buffer.from(value, 'latin1');

export function tuple(cells: readonly Cell[]): Buffer {
  const parts = cells.map((cell) => {
    if (cell === null) return letter('n');
    if (cell === undefined) return letter('u');
    const bytes = Buffer.from(cell);
    return Buffer.concat([letter('t'), int32(bytes.length), bytes]);
  });
  return Buffer.concat([int16(cells.length), ...parts]);
}

export const begin = (xid: number, commitLsn: bigint, micros = 0n) =>
  Buffer.concat([letter('B'), int64(commitLsn), int64(micros), int32(xid)]);

export const commit = (commitLsn: bigint, endLsn: bigint) =>
  Buffer.concat([letter('C'), letter('\0'), int64(commitLsn), int64(endLsn), int64(0n)]);

export interface Table {
  readonly oid: number;
  readonly schema?: string;
  readonly name: string;
  readonly identity?: string;
  /** A leading `*` marks the replica identity. */
  readonly columns: readonly string[];
}

export const relation = ({ oid, schema = 'public', name, identity = 'd', columns }: Table) =>
  Buffer.concat([
    letter('R'),
    int32(oid),
    text(schema),
    text(name),
    letter(identity),
    int16(columns.length),
    ...columns.map((column) =>
      Buffer.concat([
        letter(column.startsWith('*') ? '\x01' : '\0'),
        text(column.replace('*', '')),
        int32(25),
        int32(0),
      ]),
    ),
  ]);

export const insert = (oid: number, row: readonly Cell[]) =>
  Buffer.concat([letter('I'), int32(oid), letter('N'), tuple(row)]);

export const update = (oid: number, row: readonly Cell[], old?: { kind: 'K' | 'O'; row: readonly Cell[] }) =>
  Buffer.concat([letter('U'), int32(oid), ...(old ? [letter(old.kind), tuple(old.row)] : []), letter('N'), tuple(row)]);

export const remove = (oid: number, kind: 'K' | 'O', row: readonly Cell[]) =>
  Buffer.concat([letter('D'), int32(oid), letter(kind), tuple(row)]);

export const truncate = (oids: readonly number[]) =>
  Buffer.concat([letter('T'), int32(oids.length), letter('\0'), ...oids.map(int32)]);

export const message = (transactional: boolean, prefix: string, content: string) =>
  Buffer.concat([
    letter('M'),
    letter(transactional ? '\x01' : '\0'),
    int64(77n),
    text(prefix),
    int32(Buffer.byteLength(content)),
    Buffer.from(content),
  ]);
