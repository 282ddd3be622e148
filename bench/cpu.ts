import { readFile, readdir } from 'node:fs/promises';

const ticksPerSecond = 100; // USER_HZ, which Linux has fixed for what it tells user space.

/** CPU time in microseconds that a process and all it started have used, or null where /proc does not tell. */
export async function cpuMicroseconds(pid: number): Promise<number | null> {
  try {
    const family = await familyOf(pid);
    const used = await Promise.all(family.map(ticksOf));
    return (used.reduce((sum, ticks) => sum + ticks, 0) / ticksPerSecond) * 1_000_000;
  } catch {
    return null;
  }
}

async function familyOf(root: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(await Promise.all(pids.map(async (pid) => [pid, await parentOf(pid)] as const)));
  const isBelow = (pid: number | undefined): boolean => pid === root || (!!pid && pid > 1 && isBelow(parents.get(pid)));
  return pids.filter(isBelow);
}

async function parentOf(pid: number): Promise<number> {
  return Number((await statFields(pid).catch(() => []))[1] ?? 0);
}

async function ticksOf(pid: number): Promise<number> {
  const fields = await statFields(pid).catch(() => []);
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

/** The fields after the command name, which may itself hold spaces and parentheses. */
async function statFields(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
