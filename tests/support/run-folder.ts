import { chmod, mkdir, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type RunFolder = {
  path: string;
  /** For what is written much and need not be kept: in memory where this machine has that, else beside `path`. */
  quick: string;
  /** Drops what was made of sources, which may have changed since. */
  forget: () => Promise<void>;
  remove: () => Promise<void>;
};

const prefix = 'gaia-run-';

/** Where Linux keeps files in memory. Creating a test's database there takes 20 ms, on a busy disk 200. */
const inMemory = '/dev/shm';
const roomInMemory = 2 * 1024 ** 3;

/**
 * The folders of one test run. All temporary folders of its tests and of the processes that they start are made below
 * `path`, so that a run that was killed leaves two folders, which the next run removes.
 */
export async function makeRunFolder(): Promise<RunFolder> {
  const home = tmpdir();
  for (const parent of [home, inMemory]) await removeOrphans(parent);
  const quickHome = (await hasRoom(inMemory)) ? inMemory : home;
  const path = await mkdtemp(join(home, `${prefix}${process.pid}-`));
  const temporary = join(path, 'tmp');
  await mkdir(temporary);
  const quick = await mkdtemp(join(quickHome, `${prefix}${process.pid}-`));
  // A Postgres that runs as another user has to pass through.
  for (const folder of [path, temporary, quick]) await chmod(folder, 0o711);
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = temporary;
  // The same programs start hundreds of times in a run: only the first start has to compile them.
  process.env['NODE_COMPILE_CACHE'] ??= join(path, 'compiled');
  return {
    path,
    quick,
    forget: async () => await rm(bundleIn(path), { recursive: true, force: true }),
    remove: async () => {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
      for (const folder of [quick, path]) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Containers often get but 64 MB of it. */
async function hasRoom(folder: string): Promise<boolean> {
  return await statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize >= roomInMemory,
    () => false,
  );
}

/** Where the gateway's bundle of a run lies once somebody has needed it. */
export function bundleIn(runFolder: string): string {
  return join(runFolder, 'gateway');
}

/** Folders of runs that were killed. Their Postgres has stopped by itself, see ops/local/postgres-binaries.ts. */
async function removeOrphans(home: string): Promise<void> {
  const names = (await readdir(home).catch(() => [])).filter((name) => name.startsWith(prefix));
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
