import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type RunFolder = {
  path: string;
  /** Drops what was made of sources, which may have changed since. */
  forget: () => Promise<void>;
  remove: () => Promise<void>;
};

const prefix = 'gaia-run-';

/**
 * The folder of one test run. All temporary folders of its tests and of the processes that they start are made below
 * it, so that a run that was killed leaves one folder, which the next run removes.
 */
export async function makeRunFolder(): Promise<RunFolder> {
  const home = tmpdir();
  await removeOrphans(home);
  const path = await mkdtemp(join(home, `${prefix}${process.pid}-`));
  const temporary = join(path, 'tmp');
  await mkdir(temporary);
  // A Postgres that runs as another user has to pass through.
  for (const folder of [path, temporary]) await chmod(folder, 0o711);
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = temporary;
  // The same programs start hundreds of times in a run: only the first start has to compile them.
  process.env['NODE_COMPILE_CACHE'] ??= join(path, 'compiled');
  return {
    path,
    forget: async () => await rm(bundleIn(path), { recursive: true, force: true }),
    remove: async () => {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
      await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Where the gateway's bundle of a run lies once somebody has needed it. */
export function bundleIn(runFolder: string): string {
  return join(runFolder, 'gateway');
}

/** Folders of runs that were killed. Their Postgres has stopped by itself, see ops/local/postgres-binaries.ts. */
async function removeOrphans(home: string): Promise<void> {
  const names = (await readdir(home)).filter((name) => name.startsWith(prefix));
  for (const name of names) {
    const pid = Number(/^\d+(?=-)/.exec(name.slice(prefix.length))?.[0] ?? NaN);
    if (!Number.isNaN(pid) && !isRunning(pid)) {
      await rm(join(home, name), { recursive: true, force: true }).catch(() => undefined);
    }
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
