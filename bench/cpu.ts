import { readFile, readdir } from 'node:fs/promises';

/** CPU time in microseconds that a process and all it started have used, or null where /proc does not tell. */
export async function cpuMicroseconds(pid: number): Promise<number | null> {
  try {
    const family = await familyOf(pid);
    const used = await Promise.all(family.map(cpuOf));
    return used.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1_000;
  } catch {
    return null;
  }
}

/** Resident memory in bytes, or null where /proc does not tell. */
export async function residentBytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1_024;
}

async function familyOf(root: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = new Map(await Promise.all(pids.map(async (pid) => [pid, await parentOf(pid)] as const)));
  const isBelow = (pid: number | undefined): boolean => pid === root || (!!pid && pid > 1 && isBelow(parents.get(pid)));
  return pids.filter(isBelow);
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // After the command name, which may itself hold spaces and parentheses.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

/** In nanoseconds and over all threads: the clock ticks of /proc/pid/stat are too coarse for what a round measures. */
async function cpuOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const used = await Promise.all(
    threads.map(async (thread) => {
      const schedstat = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
      return Number(schedstat.split(' ')[0]);
    }),
  );
  return used.reduce((sum, nanoseconds) => sum + nanoseconds, 0);
}
