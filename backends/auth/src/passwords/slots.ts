import { AppError } from '#shared/http/error.ts';

/** Runs work, at most so much of it at once; the rest waits its turn in a line that has an end. */
export type Slots = <T>(work: () => Promise<T>) => Promise<T>;

export type SlotsOptions = { parallel: number; waiting: number };

/** For work that costs much processor time. When the line is full, `unavailable` is told at once. */
export function createSlots({ parallel, waiting }: SlotsOptions): Slots {
  const line: (() => void)[] = [];
  let free = parallel;

  async function enter(): Promise<void> {
    if (free > 0) {
      free -= 1;
      return;
    }
    if (line.length >= waiting) throw busy();
    await new Promise<void>((resolve) => {
      line.push(resolve);
    });
  }

  /** A slot goes straight to whoever waits longest. */
  function leave(): void {
    const next = line.shift();
    if (next) next();
    else free += 1;
  }

  return async (work) => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
}

function busy(): AppError {
  return new AppError('unavailable', 'Too many people are logging in; please try again', { retryAfterSeconds: 2 });
}
