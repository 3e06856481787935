import { messageOf, UnstaleError } from '../core/errors/index.ts';
import { unprivileged } from './account.ts';
import { borrowedPostgres } from './borrowed.ts';
import { containerPostgres } from './containers.ts';
import { type Settings, startLocalPostgres } from './postgres-local.ts';
import { embeddedPrograms, installedPrograms, wantedVersion } from './postgres-programs.ts';
import type { PostgresServer } from './server.ts';

export interface PostgresOptions {
  /** Major version, 14 to 18. Without it: UNSTALE_TEST_POSTGRES_VERSION, else 18. */
  readonly version?: number;
  /** Server settings by name, over `wal_level=logical`, `fsync=off` and room for many slots. */
  readonly settings?: Settings;
}

/**
 * Starts a Postgres: the one that UNSTALE_TEST_DATABASE_URL names, else a container where an engine answers, else
 * programs of that version on this machine, else embedded ones. Throws an UnstaleError SERVERS_… when none can be had.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const { version, explicit } = wantedVersion(options.version);
  const settings = options.settings ?? {};
  const url = process.env.UNSTALE_TEST_DATABASE_URL;
  // A server that is somebody's cannot be given settings, so those who ask for some get one of their own.
  if (url && Object.keys(settings).length === 0) {
    const borrowed = await borrowedPostgres(url);
    if (!explicit || borrowed.version === version) return borrowed;
  }
  const contained = await containerPostgres(version, settings);
  if ('server' in contained) return contained.server;
  const account = unprivileged();
  const installed = await installedPrograms(version, account);
  if (installed) return startLocalPostgres({ programs: installed, version, settings });
  return startLocalPostgres({ programs: await embedded(version, account, contained.reason), version, settings });
}

async function embedded(version: number, account: ReturnType<typeof unprivileged>, noContainer: string) {
  try {
    return await embeddedPrograms(version, account);
  } catch (error) {
    const tried = [
      'UNSTALE_TEST_DATABASE_URL is not set or another version',
      `container: ${noContainer}`,
      `machine: no Postgres ${version} on PATH or in the usual places`,
      `embedded: ${messageOf(error)}`,
    ];
    throw new UnstaleError('SERVERS_NO_POSTGRES', `no Postgres ${version} to be had:\n  ${tried.join('\n  ')}`, {
      hint: error instanceof UnstaleError ? error.hint : undefined,
      cause: error,
    });
  }
}
