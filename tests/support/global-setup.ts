import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres, type LocalPostgres } from '../../ops/local/postgres.ts';
import { quickProjects } from '../../ops/local/test-run.ts';
import { migrate } from '../../shared/db/migrate.ts';
import { makeRunFolder } from './run-folder.ts';
import { silentLog } from './silent-log.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's URL of the migrated database that test databases are copies of; null for projects without any. */
    templateDatabaseUrl: string | null;
    /** What all files of a run share; gone after it. */
    runFolder: string;
  }
}

/** Vitest's globalSetup: a folder for a whole run, and one throw-away Postgres with a migrated template database. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await makeRunFolder();
  try {
    project.provide('templateDatabaseUrl', null);
    const withDatabase = project.vitest.projects.filter(({ name }) => !quickProjects.includes(name));
    const postgres = withDatabase.length > 0 ? await startTemplate(join(folder.quick, 'postgres')) : null;
    for (const each of withDatabase) each.provide('templateDatabaseUrl', postgres?.url ?? null);
    project.provide('runFolder', folder.path);
    project.onTestsRerun(folder.forget);
    return async () => {
      await postgres?.stop();
      await folder.remove();
    };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

async function startTemplate(directory: string): Promise<LocalPostgres> {
  const postgres = await startPostgres({ directory, database: 'template', fastAndLossy: true });
  await migrate({ url: postgres.url, direction: 'up', log: silentLog }).catch(async (error: unknown) => {
    await postgres.stop();
    throw error;
  });
  return postgres;
}
