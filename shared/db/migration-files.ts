import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** One file of the migrations folder. `name` is its file name without `.sql`, as ops.migrations records it. */
export type MigrationFile = { name: string; sha256: string; up: string; down: string };

/** What is wrong with the migrations, in a sentence for whoever runs them. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

export const migrationsDirectory = fileURLToPath(new URL('../../migrations/', import.meta.url));

const fileName = /^\d{3}_[a-z0-9_]+\.sql$/;
const ManifestSchema = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));

/** Reads all files in their order, and refuses when they are not exactly the ones that the manifest lists. */
export async function readMigrations(directory: string): Promise<MigrationFile[]> {
  const [files, manifest] = await Promise.all([readFiles(directory), readManifest(directory)]);
  for (const { name, sha256 } of files) {
    const listed = manifest[`${name}.sql`];
    if (listed === undefined) {
      throw new MigrationError(`${name}.sql is not in the manifest. After adding it: migrate --update-manifest`);
    }
    if (listed !== sha256) throw changed(name);
  }
  const missing = Object.keys(manifest).find((listed) => !files.some(({ name }) => `${name}.sql` === listed));
  if (missing !== undefined)
    throw new MigrationError(`${missing} is in the manifest and not in the folder. Restore it.`);
  return files;
}

/** Adds new files to the manifest and gives their names. A file that is listed already may not change. */
export async function updateManifest(directory: string = migrationsDirectory): Promise<string[]> {
  const [files, manifest] = await Promise.all([readFiles(directory), readManifest(directory)]);
  const edited = files.find(({ name, sha256 }) => (manifest[`${name}.sql`] ?? sha256) !== sha256);
  if (edited) throw changed(edited.name);
  const next = Object.fromEntries(files.map(({ name, sha256 }) => [`${name}.sql`, sha256]));
  await writeFile(join(directory, 'manifest.json'), `${JSON.stringify(next, null, 2)}\n`);
  return files.map(({ name }) => name).filter((name) => manifest[`${name}.sql`] === undefined);
}

async function readFiles(directory: string): Promise<MigrationFile[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  const odd = names.find((name) => !fileName.test(name));
  if (odd !== undefined) throw new MigrationError(`${odd} must be named NNN_lower_case_words.sql`);
  const twin = names.find((name, i) => names[i + 1]?.slice(0, 3) === name.slice(0, 3));
  if (twin !== undefined) throw new MigrationError(`The number of ${twin} is used twice`);
  return await Promise.all(names.map(async (name) => await readMigration(directory, name)));
}

async function readMigration(directory: string, file: string): Promise<MigrationFile> {
  // A checkout on Windows may have other line ends, which change nothing.
  const text = (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n');
  const parts = /^-- Up Migration\n(?<up>[\s\S]*)^-- Down Migration\n(?<down>[\s\S]*)$/m.exec(text)?.groups;
  if (parts?.up === undefined || parts.down === undefined) {
    throw new MigrationError(`${file} needs a line "-- Up Migration" and after it a line "-- Down Migration"`);
  }
  const sha256 = createHash('sha256').update(text).digest('hex');
  return { name: file.slice(0, -'.sql'.length), sha256, up: parts.up, down: parts.down };
}

async function readManifest(directory: string): Promise<Record<string, string>> {
  const text = await readFile(join(directory, 'manifest.json'), 'utf8').catch(() => '{}');
  return ManifestSchema.parse(JSON.parse(text));
}

function changed(name: string): MigrationError {
  return new MigrationError(
    `${name}.sql is not the file that the manifest lists. A migration never changes once it is committed: ` +
      'restore it and write a new one. (Never committed? Remove its line from migrations/manifest.json first.)',
  );
}
