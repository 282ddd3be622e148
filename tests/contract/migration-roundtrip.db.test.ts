import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type LocalPostgres } from '../../ops/local/postgres.ts';
import { run } from '../../ops/run.ts';
import { migrate } from '../../shared/db/migrate.ts';
import { silentLog } from '../support/silent-log.ts';
import { findSystemPostgres } from '../support/system-postgres.ts';

const binaries = await findSystemPostgres();
const missing = binaries ? '' : ' (SKIPPED: no pg_dump with its server on this machine; install postgresql)';

describe.skipIf(binaries === null)(`migrations up and down${missing}`, () => {
  let directory: string;
  let postgres: LocalPostgres | undefined;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gaia-roundtrip-'));
    postgres = await startPostgres({ directory, binaries: binaries ?? '', fastAndLossy: true });
  });
  afterAll(async () => {
    await postgres?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('end in the same schema after up, down and up again, one file at a time and all at once', async () => {
    const { url } = postgres ?? { url: '' };
    const step = async (direction: 'up' | 'down', count: number): Promise<string[]> =>
      await migrate({ url, direction, count, log: silentLog });
    const dumps = [await dump(url)];
    while ((await step('up', 1)).length > 0) dumps.push(await dump(url));
    const count = dumps.length - 1;
    expect(count).toBeGreaterThan(1);
    expect(new Set(dumps).size).toBe(dumps.length);
    for (let applied = count; applied > 0; applied--) {
      expect(await dump(url)).toBe(dumps[applied]);
      await step('down', 1);
    }
    expect(await dump(url)).toBe(dumps[0]);
    await step('up', count);
    expect(await dump(url)).toBe(dumps[count]);
    await step('down', count);
    await step('up', count);
    expect(await dump(url)).toBe(dumps[count]);
  });
});

async function dump(url: string): Promise<string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const env = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: password };
  const argv = [join(binaries ?? '', 'pg_dump'), '-s', '--schema=public', pathname.slice(1)] as const;
  const { code, stdout, stderr } = await run({ argv, env });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  // Newer versions write a random word here, different each time.
  return stdout.replaceAll(/^\\(?:un)?restrict .*$/gm, '');
}
