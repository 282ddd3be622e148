import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { ownerMark } from './leftovers.ts';
import { makeRunFolder } from './run-folder.ts';

const bundle = 'dist/gateway/worker.js';
let root: string;
let temporary: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gaia-root-'));
  temporary = join(root, 'tmp');
  vi.stubEnv('TMPDIR', temporary);
  for (const folder of ['edge-gateway', 'dist/gateway', 'tmp']) await mkdir(join(root, folder), { recursive: true });
  for (const name of ['workerd.capnp', 'workerd-limiter.capnp'])
    await writeFile(join(root, 'edge-gateway', name), name);
  await writeFile(join(root, bundle), 'first');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true, force: true });
});

describe('the folder of a run', () => {
  it('keeps what it began with when something else is bundled, and goes with the run', async () => {
    const folder = await makeRunFolder(root);
    await folder.restore();
    await writeFile(join(root, bundle), 'second');
    await folder.restore();
    expect(await readFile(join(folder.configurations, '..', bundle), 'utf8')).toBe('first');
    await folder[Symbol.asyncDispose]();
    expect(existsSync(folder.path)).toBe(false);
  });

  it('is made again when somebody tidied it away, but not where another has taken its name', async () => {
    await using folder = await makeRunFolder(root);
    await folder.restore();
    await rm(folder.path, { recursive: true });
    await Promise.all([folder.restore(), folder.restore()]);
    expect(existsSync(join(folder.path, 'limits'))).toBe(true);
    expect(await readFile(join(folder.path, bundle), 'utf8')).toBe('first');
    await rm(folder.path, { recursive: true });
    await symlink(root, folder.path);
    await expect(folder.restore()).rejects.toThrow('is not our own folder any more');
  });

  it('takes away those whose owner was killed, and none of a live run or of nobody', async () => {
    const mine = z.record(z.string(), z.unknown()).parse(JSON.parse(await ownerMark()));
    const leave = async (name: string, owner: unknown): Promise<string> => {
      const path = join(temporary, `gaia-gateway-${name}`);
      await mkdir(path);
      if (owner !== null) await writeFile(join(path, 'owner.json'), JSON.stringify(owner));
      return path;
    };
    const dead = await leave('dead', { ...mine, startedAt: 'before' });
    const kept = [
      await leave('live', mine),
      await leave('nobody', null),
      await leave('elsewhere', { ...mine, machine: 'another', startedAt: 'before' }),
    ];
    await using folder = await makeRunFolder(root);
    expect(existsSync(dead)).toBe(false);
    expect([...kept, folder.path].map((path) => existsSync(path))).toEqual([true, true, true, true]);
  });

  it('says in one sentence why there can be none', async () => {
    vi.stubEnv('TMPDIR', join(root, 'nowhere'));
    await expect(makeRunFolder(root)).rejects.toThrow(/^No folder can be made in .*nowhere \(ENOENT\): set TMPDIR/);
    vi.stubEnv('TMPDIR', join(temporary, 'x'.repeat(100)));
    await expect(makeRunFolder(root)).rejects.toThrow(/^The path .* is too long for a socket in it: set TMPDIR/);
    await rm(join(root, bundle));
    await expect(makeRunFolder(root)).rejects.toThrow(/worker\.js cannot be read \(ENOENT\)/);
    expect(await readdir(temporary)).toEqual([]);
  });
});
