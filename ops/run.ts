import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A command as data: an argv array, never a shell line. Secrets travel in `env` or `input`, never in `argv`. */
export type Command = {
  argv: readonly [string, ...string[]];
  cwd?: string;
  /** Added to this process's own environment. */
  env?: Record<string, string>;
  input?: string;
  /** Opens an IPC channel: the child is told when we die, and may tell us that it is ready. */
  ipc?: boolean;
  /** Open descriptors of ours that a process that stays inherits, from 3 on. */
  descriptors?: readonly number[];
};

export type Finished = { code: number; stdout: string; stderr: string };

export type LineListener = (line: string, stream: 'stdout' | 'stderr') => void;

/** A process that stays. `stop` ends its whole group and resolves when it is gone. */
export type Running = {
  pid: number;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  onLine: (listener: LineListener) => void;
  onMessage: (listener: (message: unknown) => void) => void;
  stop: (signal?: NodeJS.Signals, graceMs?: number) => Promise<void>;
};

const abortGraceMs = 2_000;

/**
 * Runs a command to its end and gives what it printed. Rejects only when it cannot be started at all. With a signal it
 * has a group of its own, which ends when that aborts: a Ctrl-C does not reach it by itself.
 */
export async function run(command: Command, signal?: AbortSignal): Promise<Finished> {
  const child = launch(command, signal !== undefined);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  child.stdin?.on('error', () => undefined); // It may end without reading; its exit code tells.
  child.stdin?.end(command.input ?? '');
  const stop = (): void => endGroup(child);
  signal?.addEventListener('abort', stop);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
  }).finally(() => signal?.removeEventListener('abort', stop));
  return { code, stdout: stdout(), stderr: stderr() };
}

/** Runs a command on our own terminal and gives its exit code. */
export async function runAttached({ argv: [file, ...args], cwd, env }: Command): Promise<number> {
  const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: 'inherit' });
  return await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
  });
}

/** Starts a process that stays, in a group of its own so that all it started goes with it. */
export async function start(command: Command): Promise<Running> {
  const child = launch(command, true);
  const { pid } = child;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  if (pid === undefined) {
    throw await new Promise<Error>((resolve) => {
      child.once('error', resolve);
    });
  }
  const listeners: LineListener[] = [];
  for (const name of ['stdout', 'stderr'] as const) {
    const input = child[name];
    if (input) createInterface({ input }).on('line', (line) => listeners.forEach((listener) => listener(line, name)));
  }
  child.on('error', () => undefined); // A failed kill; `exited` tells the rest.
  return {
    pid,
    exited,
    onLine: (listener) => void listeners.push(listener),
    onMessage: (listener) => void child.on('message', listener),
    stop: (signal = 'SIGTERM', graceMs = 10_000) => stopGroup(pid, exited, signal, graceMs),
  };
}

function launch({ argv: [file, ...args], cwd, env, ipc, descriptors = [] }: Command, detached: boolean): ChildProcess {
  return spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    detached,
    stdio: ['pipe', 'pipe', 'pipe', ...descriptors, ...(ipc ? (['ipc'] as const) : [])],
  });
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  void stopGroup(child.pid, exited, 'SIGTERM', abortGraceMs);
}

async function stopGroup(
  pid: number,
  exited: Promise<unknown>,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<void> {
  signalGroup(pid, signal);
  const kill = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
  await exited;
  clearTimeout(kill);
  signalGroup(pid, 'SIGKILL'); // What the leader may have left behind.
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone, which is what we want.
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}
