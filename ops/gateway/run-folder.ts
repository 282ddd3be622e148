import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { OpsError } from '../command.ts';
import { isOurFolder, ownerMark, removeLeftovers } from './leftovers.ts';

/** What one run needs on disk, in a private folder that goes with it. */
export type RunFolder = AsyncDisposable & {
  path: string;
  /** Where the two capnp configurations are. */
  configurations: string;
  limiterSocket: string;
  /** Makes what is missing: those who tidy up temporary folders take old files away. */
  restore: () => Promise<void>;
};

const prefix = 'gaia-gateway-';
/** Of the path of a Unix socket in bytes, on the stricter of the systems. */
const maxSocketPath = 103;
/** The configurations embed the bundle by its path from them, so the copies lie to each other as the originals do. */
const served = ['edge-gateway/workerd.capnp', 'edge-gateway/workerd-limiter.capnp', 'dist/gateway/worker.js'];

/**
 * Copies what is served, so that a process that is replaced serves what the others do, whatever has been bundled since.
 * Takes away the folders of earlier runs that were killed.
 */
export async function makeRunFolder(root: string): Promise<RunFolder> {
  const contents: [name: string, content: Buffer | string][] = [['owner.json', await ownerMark()]];
  for (const name of served) contents.push([name, await readServed(join(root, name))]);
  await removeLeftovers(tmpdir(), prefix);
  const path = await makeFolder();
  const removeNow = (): void => rmSync(path, { recursive: true, force: true });
  process.once('exit', removeNow); // Also when a second signal ends us at once.
  let restoring = Promise.resolve();
  return {
    path,
    configurations: join(path, 'edge-gateway'),
    limiterSocket: join(path, 'limiter.sock'),
    restore: async () => {
      // One at a time: nobody may find a file that another is still writing.
      restoring = restoring.catch(() => undefined).then(() => fill(path, contents));
      await restoring;
    },
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
      process.off('exit', removeNow);
    },
  };
}

async function fill(folder: string, contents: readonly [name: string, content: Buffer | string][]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Where it was gone, somebody else may have taken its name, to have us serve what they like.
  if (!(await isOurFolder(folder))) throw new OpsError(`${folder} is not our own folder any more.`);
  await mkdir(join(folder, 'limits'), { recursive: true });
  for (const [name, content] of contents.filter(([name]) => !existsSync(join(folder, name)))) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

async function makeFolder(): Promise<string> {
  const parent = tmpdir();
  if (Buffer.byteLength(join(parent, `${prefix}XXXXXX`, 'limiter.sock')) > maxSocketPath) {
    throw new OpsError(`The path ${parent} is too long for a socket in it: set TMPDIR to a shorter one.`);
  }
  try {
    return await mkdtemp(join(parent, prefix));
  } catch (cause) {
    throw new OpsError(`No folder can be made in ${parent} (${codeOf(cause)}): set TMPDIR to one that allows it.`, {
      cause,
    });
  }
}

async function readServed(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new OpsError(`${path} cannot be read (${codeOf(cause)}), and the gateway consists of it.`, { cause });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
