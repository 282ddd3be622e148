import { readdirSync, readFileSync } from 'node:fs';
import { run } from '../run.ts';

/**
 * When a process started, in whatever unit the system counts: pid and start time together name one process for good,
 * where a pid alone is soon another's. Null when it is gone (a zombie is gone).
 */
export async function startTimeOf(pid: number): Promise<string | null> {
  if (process.platform === 'linux') return statOf(pid)?.startTime ?? null;
  const { code, stdout } = await run({ argv: ['ps', '-o', 'lstart=', '-p', String(pid)] });
  return code === 0 ? stdout.trim() : null;
}

/**
 * Whether a process group has members that run a program of this checkout. The kernel gives no pid away while a group
 * bears its number, so such a group is the one we recorded, although its leader is gone. Linux only.
 */
export function groupRunsFrom(group: number, root: string): boolean {
  if (process.platform !== 'linux') return false;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((name) => statOf(Number(name))?.group === group && commandLineOf(name).includes(root));
}

function statOf(pid: number): { group: number; startTime: string } | null {
  const text = readProc(`${pid}/stat`);
  // The second field is the program's name in brackets and may hold anything, brackets and spaces too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  const startTime = fields[19];
  if (state === 'Z' || group === undefined || startTime === undefined) return null;
  return { group: Number(group), startTime };
}

function commandLineOf(pid: string): string {
  return readProc(`${pid}/cmdline`);
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}
