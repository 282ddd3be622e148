import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError } from '../command.ts';
import type { LineListener, Running } from '../run.ts';

export type KeepRunningOptions = {
  name: string;
  launch: () => Promise<Running>;
  onLine: LineListener;
  /** One sentence about a death, a failed replacement or a replacement. */
  onEvent: (sentence: string) => void;
};

export type Kept = {
  /** Resolves when it listens; rejects, and nothing is left, when it ends before that. */
  start: () => Promise<void>;
  stop: (graceMs: number) => Promise<void>;
  /** Ends it if it listens, so that another takes its place. */
  replace: () => void;
  pid: () => number | null;
};

const readyMs = 15_000;
const longLifeMs = 5_000;
const waits = { first: 100, last: 5_000 };
const tailLines = 8;

/** Keeps one workerd process running: whoever kills it gets another one, more slowly when it keeps dying young. */
export function keepRunning({ name, launch, onLine, onEvent }: KeepRunningOptions): Kept {
  const stopping = new AbortController();
  let current: Running | null = null;
  let serving: Running | null = null;
  let waitMs: number = waits.first;

  const begin = async (): Promise<void> => {
    const process = await launch();
    current = process;
    const startedAt = performance.now();
    const tail: string[] = [];
    const how = process.exited.then(({ code, signal }) => signal ?? `exit code ${code ?? 'unknown'}`);
    const listening = listens(process, (line, stream) => {
      if (tail.push(line) > tailLines) tail.shift();
      onLine(line, stream);
    });
    const outcome = await Promise.race([listening, how]);
    if (outcome !== null) {
      await process.stop('SIGKILL');
      throw new OpsError(`${name} did not start (${outcome})${tail.map((line) => `\n  ${line}`).join('')}`);
    }
    serving = process;
    void how.then(async (how) => {
      current = serving = null;
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > longLifeMs) waitMs = waits.first;
      await replace(how);
    });
  };

  const replace = async (how: string): Promise<void> => {
    onEvent(`${name} ended (${how}) and is replaced.`);
    while (!stopping.signal.aborted) {
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      waitMs = Math.min(waitMs * 2, waits.last);
      if (stopping.signal.aborted) return;
      try {
        await begin();
        onEvent(`${name} is back (pid ${current?.pid ?? 'unknown'}).`);
        return;
      } catch (error) {
        if (!stopping.signal.aborted) onEvent(error instanceof Error ? error.message : String(error));
      }
    }
  };

  return {
    start: begin,
    stop: async (graceMs) => {
      stopping.abort();
      await current?.stop('SIGTERM', graceMs);
    },
    replace: () => void serving?.stop('SIGKILL'),
    pid: () => current?.pid ?? null,
  };
}

/** Resolves with null when workerd's control line says that it listens, or with what was wrong. */
function listens(process: Running, onLine: LineListener): Promise<string | null> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`it did not listen within ${readyMs / 1_000} s`), readyMs);
    process.onLine((line, stream) => {
      if (!line.startsWith('{"event":"listen"')) {
        if (line !== '') onLine(line, stream);
        return;
      }
      clearTimeout(timer);
      resolve(null);
    });
    void process.exited.then(() => clearTimeout(timer));
  });
}
