import { link, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { randomBase62 } from '#shared/id.ts';
import { OpsError } from '../command.ts';
import { repositoryRoot } from '../repository.ts';
import { readIfThere, writePrivateFile } from './private-file.ts';
import { groupRunsFrom, startTimeOf } from './process-identity.ts';

const ProcessSchema = z.object({ name: z.string(), pid: z.int().positive(), startedAt: z.string() });
const RecordSchema = z.object({ owner: ProcessSchema, children: z.array(ProcessSchema) });

export type RecordedProcess = z.infer<typeof ProcessSchema>;

/** This process's claim to a state directory, and what it started for it, on disk for whoever comes after a crash. */
export type RunRecord = {
  add: (name: string, pid: number) => Promise<void>;
  remove: (pid: number) => Promise<void>;
  /** The leaders of the process groups that are ours right now. */
  pids: () => number[];
  release: () => Promise<void>;
};

const endMs = 5_000;

/**
 * Claims a state directory. Refuses while another run holds it; what a run that was killed left behind is ended
 * first, and only processes whose pid and start time both match its record.
 */
export async function claimDirectory(directory: string): Promise<RunRecord> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'run.json');
  const owner = await identify('ops', process.pid);
  while (!(await tryCreate(path, { owner, children: [] }))) {
    const text = await readIfThere(path);
    if (text === null) continue;
    const previous = parseRecord(text);
    if (previous && (await isAlive(previous.owner))) {
      throw new OpsError(
        `Gaia already runs from this directory (process ${previous.owner.pid}): stop that one first, with Ctrl-C or \`kill ${previous.owner.pid}\`.`,
      );
    }
    await recover({ path, text, previous, owner });
  }
  return holdRecord(path, owner);
}

function holdRecord(path: string, owner: RecordedProcess): RunRecord {
  const children = new Map<number, RecordedProcess>();
  let writing = Promise.resolve();
  /** One write at a time, each with the whole truth of its moment. */
  const save = async (): Promise<void> => {
    writing = writing.then(() => writePrivateFile(path, JSON.stringify({ owner, children: [...children.values()] })));
    await writing;
  };
  return {
    add: async (name, pid) => {
      children.set(pid, await identify(name, pid));
      await save();
    },
    remove: async (pid) => {
      if (children.delete(pid)) await save();
    },
    pids: () => [...children.keys()],
    release: async () => {
      await writing;
      await rm(path, { force: true });
    },
  };
}

/** Appears with its content or not at all; false when somebody else's is there. */
async function tryCreate(path: string, record: z.infer<typeof RecordSchema>): Promise<boolean> {
  const draft = `${path}.${randomBase62(12)}.draft`;
  await writeFile(draft, JSON.stringify(record), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

type Stale = { path: string; text: string; previous: z.infer<typeof RecordSchema> | null; owner: RecordedProcess };

/**
 * Ends what a dead run left and takes its record away. Of several starts that found it, one gets the right to, by a
 * marker of that dead owner's; while it is held nobody else can replace the record, so none that is alive is buried.
 */
async function recover({ path, text, previous, owner }: Stale): Promise<void> {
  const marker = `${path}.${previous?.owner.pid ?? 'unreadable'}.recovery`;
  if (!(await tryCreate(marker, { owner, children: [] }))) {
    const holder = parseRecord(await readIfThere(marker));
    if (holder && (await isAlive(holder.owner))) await sleep(20);
    else await rm(marker, { force: true }); // It died while it recovered.
    return;
  }
  try {
    if ((await readIfThere(path)) !== text) return; // Another start was faster.
    // The gateway and the backends go before the database, as in an orderly stop.
    for (const child of (previous?.children ?? []).toReversed()) await end(child);
    await rm(path, { force: true });
  } finally {
    await rm(marker, { force: true });
  }
}

async function end(child: RecordedProcess): Promise<void> {
  const deadline = performance.now() + endMs;
  if (await isOurs(child)) signalGroup(child.pid, 'SIGINT');
  while ((await isOurs(child)) && performance.now() < deadline) await sleep(50);
  if (await isOurs(child)) signalGroup(child.pid, 'SIGKILL');
}

/** The process that was recorded, or what its group has left when it is gone itself. */
async function isOurs({ pid, startedAt }: RecordedProcess): Promise<boolean> {
  const found = await startTimeOf(pid);
  return found === null ? groupRunsFrom(pid, repositoryRoot) : found === startedAt;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended by itself in the meantime.
  }
}

async function isAlive({ pid, startedAt }: RecordedProcess): Promise<boolean> {
  return (await startTimeOf(pid)) === startedAt;
}

async function identify(name: string, pid: number): Promise<RecordedProcess> {
  return { name, pid, startedAt: (await startTimeOf(pid)) ?? 'gone' };
}

/** A record that cannot be read names nothing that we may end. */
function parseRecord(text: string | null): z.infer<typeof RecordSchema> | null {
  try {
    return RecordSchema.parse(JSON.parse(text ?? ''));
  } catch {
    return null;
  }
}
