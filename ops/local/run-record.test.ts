import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { start } from '../run.ts';
import { startTimeOf } from './process-identity.ts';
import { claimDirectory } from './run-record.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gaia-record-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

test('lets one process at a time have a directory, and leaves nothing when it gives it back', async () => {
  const record = await claimDirectory(directory);
  await expect(claimDirectory(directory)).rejects.toThrow(`already runs from this directory (process ${process.pid})`);
  await record.release();
  expect(await readdir(directory)).toEqual([]);
  await (await claimDirectory(directory)).release();
});

test('gives a directory to exactly one of many that ask at once, although a dead run still claims it', async () => {
  await writeRecord({ pid: 4_194_304, startedAt: 'long ago' }, []);
  const claims = await Promise.allSettled(Array.from({ length: 8 }, () => claimDirectory(directory)));
  expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('ends what a dead run left behind', async () => {
  const orphan = await idleProcess();
  await writeRecord({ pid: 4_194_304, startedAt: 'long ago' }, [
    { pid: orphan.pid, startedAt: (await startTimeOf(orphan.pid)) ?? '' },
  ]);
  await (await claimDirectory(directory)).release();
  expect((await orphan.exited).signal).toBe('SIGINT');
});

test('never ends a process that merely got the number of one of ours', async () => {
  const stranger = await idleProcess();
  await writeRecord({ pid: 4_194_304, startedAt: 'long ago' }, [{ pid: stranger.pid, startedAt: 'before it' }]);
  await (await claimDirectory(directory)).release();
  expect(await startTimeOf(stranger.pid)).not.toBeNull();
  await stranger.stop('SIGKILL');
});

test('takes a directory whose record cannot be read', async () => {
  await writeFile(join(directory, 'run.json'), '{"owner":');
  const record = await claimDirectory(directory);
  expect(record.pids()).toEqual([]);
  await record.release();
});

type Identity = { pid: number; startedAt: string };

async function writeRecord(owner: Identity, children: Identity[]): Promise<void> {
  const named = (identity: Identity) => ({ name: 'any', ...identity });
  await writeFile(join(directory, 'run.json'), JSON.stringify({ owner: named(owner), children: children.map(named) }));
}

/** Says that it runs before it is used: a signal before that would hit a Node that is only starting. */
async function idleProcess(): ReturnType<typeof start> {
  const idle = await start({ argv: [process.execPath, '-e', 'setInterval(() => {}, 1e6); console.log("up")'] });
  await new Promise<void>((resolve) => {
    idle.onLine(() => resolve());
  });
  return idle;
}
