import type { TestProject } from 'vitest/node';
import { startPostgres, startRedis } from '../src/servers/index.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The Postgres that all files of a run share; undefined where no file of the run needs a server. */
    postgresUrl: string | undefined;
  }
}

/** Starts the Postgres that all files share, and says where the servers of this run come from. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const { testFiles } = await project.globTestFiles(filters());
  const needed = (suffix: RegExp) => testFiles.some((path) => suffix.test(path));
  if (!needed(/\.(pg|redis|e2e)\.test\.ts$/)) {
    project.provide('postgresUrl', undefined);
    return undefined;
  }
  const redis = await startRedis();
  console.log(`redis:    ${redis.source}`);
  await redis.close();
  const postgres = await startPostgres();
  console.log(`postgres: ${postgres.source}`);
  project.provide('postgresUrl', postgres.url);
  return () => postgres.close();
}

/** The file names on vitest's command line; with none of them understood, all files count. */
function filters(): string[] {
  return process.argv.slice(2).filter((word) => word.startsWith('test/') || word.includes('.test.'));
}
