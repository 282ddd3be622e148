import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../ops/local/postgres.ts';
import { migrate } from '../../shared/db/migrate.ts';
import { silentLog } from './silent-log.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's URL of the migrated database that test databases are copies of. */
    templateDatabaseUrl: string;
  }
}

const folderPrefix = 'gaia-test-postgres-';

/** Vitest's globalSetup: one throw-away Postgres for a whole run, with a migrated template database. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeOrphans();
  const directory = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const remove = async (): Promise<void> => await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const postgres = await startPostgres({ directory, database: 'template', fastAndLossy: true });
    const teardown = async (): Promise<void> => {
      await postgres.stop();
      await remove();
    };
    await migrate({ url: postgres.url, direction: 'up', log: silentLog }).catch(async (error: unknown) => {
      await teardown();
      throw error;
    });
    project.provide('templateDatabaseUrl', postgres.url);
    return teardown;
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Folders of runs that were killed. Their servers have stopped by themselves, see ops/local/postgres-binaries.ts. */
async function removeOrphans(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(folderPrefix));
  for (const name of names) {
    const pid = Number(name.slice(folderPrefix.length).split('-')[0]);
    if (!isRunning(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
