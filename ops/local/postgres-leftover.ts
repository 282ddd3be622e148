import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from '../run.ts';

/**
 * Deals with what a killed run left behind: a server that still runs on this data folder is stopped, and the pid file
 * of one that is gone is removed even when its number now belongs to some other process.
 */
export async function stopLeftover(dataFolder: string): Promise<void> {
  const pidFile = join(dataFolder, 'postmaster.pid');
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  const command = await commandOf(pid);
  if (command === null) return; // Nobody can tell here; Postgres itself decides.
  if (!command.includes(dataFolder)) {
    await rm(pidFile, { force: true });
    return;
  }
  if (await ends(pid, 'SIGINT', 10_000)) return;
  if (await ends(pid, 'SIGKILL', 5_000)) return;
  throw new Error(`An earlier Postgres (process ${pid}) still runs on ${dataFolder}: stop it and try again.`);
}

/** The command line of a process, empty when it is gone, null where there is no way to know. */
async function commandOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') return await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (process.platform === 'win32') return null;
  return await run({ argv: ['ps', '-ww', '-o', 'command=', '-p', String(pid)] }).then(
    ({ stdout }) => stdout,
    () => null,
  );
}

async function ends(pid: number, signal: NodeJS.Signals, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  try {
    process.kill(pid, signal);
    while (Date.now() < deadline) {
      await delay(25);
      process.kill(pid, 0);
    }
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
