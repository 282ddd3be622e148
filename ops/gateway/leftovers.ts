import { lstat, readdir, readlink, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { readIfThere } from '../local/private-file.ts';
import { startTimeOf } from '../local/process-identity.ts';

const Owner = z.object({ machine: z.string(), pid: z.int().positive(), startedAt: z.string() });

/** What a folder says about whose it is: this process's. */
export async function ownerMark(): Promise<string> {
  const startedAt = await startTimeOf(process.pid);
  return JSON.stringify({ machine: await machine(), pid: process.pid, startedAt });
}

/** Removes this user's folders whose owner was killed. Whatever says nothing about its owner stays. */
export async function removeLeftovers(parent: string, prefix: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((name) => name.startsWith(prefix))) {
    const path = join(parent, name);
    if (await isLeftover(path).catch(() => false))
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isLeftover(path: string): Promise<boolean> {
  if (!(await isOurFolder(path))) return false;
  const owner = Owner.parse(JSON.parse((await readIfThere(join(path, 'owner.json'))) ?? 'null'));
  return owner.machine === (await machine()) && (await startTimeOf(owner.pid)) !== owner.startedAt;
}

/** Not another user's, and no link to somewhere else. */
export async function isOurFolder(path: string): Promise<boolean> {
  const found = await lstat(path);
  return found.isDirectory() && found.uid === process.getuid?.();
}

/** Containers may share a folder, and a pid of one means nothing in another. */
async function machine(): Promise<string> {
  return `${hostname()} ${await readlink('/proc/self/ns/pid').catch(() => '')}`;
}
