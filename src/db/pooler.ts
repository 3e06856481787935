import { Client } from 'pg';
import { UnstaleError } from '../core/errors/index.ts';
import { classifyPostgresError } from './errors.ts';

/**
 * Throws DATABASE_POOLED where the connection ends at a pooler. Poolers hand out cancel keys of their own, so the
 * process id that came with the key is not the one of the backend that answers.
 */
export async function refusePooler(connectionString: string): Promise<void> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 10_000, application_name: 'unstale probe' });
  client.on('error', () => undefined); // what breaks afterwards is of no interest here
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const promised: unknown = Reflect.get(client, 'processID');
    if (typeof promised === 'number' && promised !== rows[0]?.pid) {
      throw new UnstaleError(
        'DATABASE_POOLED',
        `the server that answers (pid ${rows[0]?.pid}) is not the one connected to (pid ${promised})`,
      );
    }
  } catch (error) {
    throw error instanceof UnstaleError ? error : classifyPostgresError(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}
