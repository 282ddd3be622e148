import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { setupCommand } from './setup.ts';

let directory: string;
let said: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gaia-setup-'));
  said = '';
  vi.spyOn(console, 'log').mockImplementation((line: string) => {
    said += `${line}\n`;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
});

test('makes both files, readable by their owner only, and prints no secret', async () => {
  expect(await setup()).toBe(0);
  for (const name of ['.env', '.dev.vars']) expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  const password = /^POSTGRES_PASSWORD=(\S{32})$/m.exec(await readFile(join(directory, '.env'), 'utf8'))?.[1];
  expect(password).toBeDefined();
  expect(said).not.toContain(password);
  expect(said).not.toContain('"d"');
});

test('changes nothing the second time, and says what it kept', async () => {
  await setup();
  const before = await contents();
  expect(await setup()).toBe(0);
  expect(await contents()).toEqual(before);
  expect(said).toContain(`kept ${join(directory, '.env')}`);
});

test('never overwrites a file it cannot use', async () => {
  await writeFile(join(directory, '.env'), 'MINE=1\n');
  await expect(setup()).rejects.toThrow('.env exists but');
  expect(await contents()).toEqual({ '.env': 'MINE=1\n' });
});

test('writes nothing on a dry run', async () => {
  expect(await setup('--dry-run', '--seed')).toBe(0);
  expect(await readdir(directory)).toEqual([]);
  expect(said).toContain(`would write ${join(directory, '.env')}`);
});

test('refuses an option it does not know', async () => {
  await expect(setup('--force')).rejects.toThrow("Unknown option '--force': see --help.");
  expect(await readdir(directory)).toEqual([]);
});

async function setup(...args: string[]): Promise<number> {
  return await setupCommand.run(['--directory', directory, ...args]);
}

async function contents(): Promise<Record<string, string>> {
  const names = await readdir(directory);
  const entries = names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')] as const);
  return Object.fromEntries(await Promise.all(entries));
}
