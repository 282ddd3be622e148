import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from '../../ops/run.ts';

const debianFolder = '/usr/lib/postgresql';

/**
 * A folder with pg_dump and a server of the same version, which the npm package does not have: what the machine
 * offers, or on a Debian that is ours what apt installs. Null where there is none.
 */
export async function findSystemPostgres(): Promise<string | null> {
  const found = search();
  if (found !== null || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return found;
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run({ argv: ['apt-get', 'install', '-y', '--no-install-recommends', 'postgresql'], env }).catch(() => null);
  return search();
}

function search(): string | null {
  const debian = existsSync(debianFolder) ? readdirSync(debianFolder).sort().toReversed() : [];
  const folders = [
    ...debian.map((version) => join(debianFolder, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  const isComplete = (folder: string): boolean =>
    ['pg_dump', 'postgres', 'initdb'].every((name) => existsSync(join(folder, name)));
  return folders.find((folder) => folder !== '' && isComplete(folder)) ?? null;
}
