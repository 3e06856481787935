import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Client } from 'pg';
import { parseLsn } from '../../src/core/lsn.ts';

/** Milliseconds to read a slot's WAL up to `end` and throw it away, the quickest way there is on this machine. */
export type Reader = {
  readonly name: string;
  read(url: string, slot: string, publication: string, end: string): Promise<number>;
};

export function rawReader(): Reader {
  return spawnSync('pg_recvlogical', ['--version']).status === 0 ? recvlogical : socketReader;
}

const recvlogical: Reader = {
  name: 'pg_recvlogical to /dev/null',
  async read(url, slot, publication, end) {
    const options = ['-o', 'proto_version=1', '-o', `publication_names=${publication}`];
    const args = ['-d', url, '--slot', slot, '--start', '--endpos', end, '-f', '/dev/null', '--no-loop', ...options];
    const started = performance.now();
    const child = spawn('pg_recvlogical', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`pg_recvlogical ended with ${code}`);
    return performance.now() - started;
  },
};

const socketReader: Reader = {
  name: 'a socket reader that decodes nothing',
  async read(url, slot, publication, end) {
    const client = new Client({ connectionString: url, replication: 'database' } as ConstructorParameters<
      typeof Client
    >[0]);
    client.on('error', () => undefined); // it is cut off below
    await client.connect();
    const target = parseLsn(end);
    const started = performance.now();
    let resolve: (ms: number) => void = () => undefined;
    const promise = new Promise<number>((done) => {
      resolve = done;
    });
    const connection = Reflect.get(client, 'connection');
    connection.on('copyData', ({ chunk }: { chunk: Buffer }) => {
      if (chunk.readBigUInt64BE(1) >= target) resolve(performance.now() - started);
    });
    client
      .query(`START_REPLICATION SLOT "${slot}" LOGICAL 0/0 (proto_version '1', publication_names '${publication}')`)
      .catch(() => undefined);
    const took = await promise;
    connection.stream.destroy();
    return took;
  },
};
