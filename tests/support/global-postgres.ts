import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../ops/local/postgres.ts';
import { migrate } from '../../shared/db/migrate.ts';
import { makeRunFolder } from './run-folder.ts';
import { silentLog } from './silent-log.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's URL of the migrated database that test databases are copies of. */
    templateDatabaseUrl: string;
    /** What all files of a run share; gone after it. */
    runFolder: string;
  }
}

/** Vitest's globalSetup: a folder for a whole run, and one throw-away Postgres with a migrated template database. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await makeRunFolder();
  try {
    const directory = join(folder.path, 'postgres');
    const postgres = await startPostgres({ directory, database: 'template', fastAndLossy: true });
    const teardown = async (): Promise<void> => {
      await postgres.stop();
      await folder.remove();
    };
    await migrate({ url: postgres.url, direction: 'up', log: silentLog }).catch(async (error: unknown) => {
      await teardown();
      throw error;
    });
    project.provide('templateDatabaseUrl', postgres.url);
    project.provide('runFolder', folder.path);
    project.onTestsRerun(folder.forget);
    return teardown;
  } catch (error) {
    await folder.remove();
    throw error;
  }
}
