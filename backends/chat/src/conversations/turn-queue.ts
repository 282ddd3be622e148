import { AppError } from '#shared/http/error.ts';
import { clientGone } from '../calls/deadline.ts';

export type Place = {
  /** Resolves when nobody of this process is in front. */
  first: () => Promise<void>;
  /** A while that grows from time to time, or until somebody knocks. */
  pause: () => Promise<void>;
  leave: () => void;
};

export type TurnQueue = {
  /** Both waits of a place reject when `waitMs` are over since it was taken, or when the signal aborts. */
  join: (line: string, options: { waitMs: number; signal?: AbortSignal }) => Place;
  /** Tells whoever is first in the line to look again. */
  knock: (line: string) => void;
};

const maxInLine = 100;
const pauseMs = { first: 50, last: 1_000 };

type Waiting = { wake: () => void };

/**
 * Who came first is served first, within this process; only the first of a line asks the database. Lines exist while
 * somebody stands in them.
 */
export function createTurnQueue(): TurnQueue {
  const lines = new Map<string, Waiting[]>();
  return {
    join: (name, { waitMs, signal }) => {
      const line = lines.get(name) ?? [];
      if (line.length >= maxInLine) throw tooLate();
      const me: Waiting = { wake: () => undefined };
      line.push(me);
      lines.set(name, line);
      const deadline = performance.now() + waitMs;
      const sleep = async (ms: number): Promise<void> => await nap(me, { ms, deadline, signal });
      let pauses = 0;
      return {
        first: async () => {
          while (line[0] !== me) await sleep(waitMs);
        },
        pause: async () => {
          const ms = Math.min(pauseMs.first * 2 ** pauses, pauseMs.last) * (0.5 + Math.random() / 2);
          pauses += 1;
          await sleep(ms);
        },
        leave: () => {
          line.splice(line.indexOf(me), 1);
          if (line.length === 0) lines.delete(name);
          line[0]?.wake();
        },
      };
    },
    knock: (name) => lines.get(name)?.[0]?.wake(),
  };
}

type Nap = { ms: number; deadline: number; signal: AbortSignal | undefined };

async function nap(me: Waiting, { ms, deadline, signal }: Nap): Promise<void> {
  const left = deadline - performance.now();
  if (left <= 0) throw tooLate();
  if (signal?.aborted) throw clientGone();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(ms, left));
  me.wake = () => resolve();
  signal?.addEventListener('abort', me.wake);
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener('abort', me.wake);
  if (signal?.aborted) throw clientGone();
}

function tooLate(): AppError {
  const detail = 'Earlier messages of this conversation are still being answered; nothing was stored';
  return new AppError('conflict', detail, { retryAfterSeconds: 5 });
}
