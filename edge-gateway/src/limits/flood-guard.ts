import { createCounterTable } from './counter-table.ts';

/** Cloudflare's rate-limit binding, as far as we use it: one counter per name and location. */
export type FloodBinding = { limit: (options: { key: string }) => Promise<{ success: boolean }> };

export type FloodGuard = { isFlooding: (name: string) => boolean | Promise<boolean> };

export type FloodGuardOptions = {
  /** Requests in ten seconds. */
  limit: number;
  /** Absent on plain workerd, where the process's own count has to do. */
  binding: FloodBinding | undefined;
  seed: number;
  now?: () => number;
};

export const floodWindowMs = 10_000;

/**
 * Counts in the isolate first, which costs no I/O, and asks the binding about names that are loud here: a flood is
 * loud in every isolate that it reaches, and an ordinary caller never pays for the question. Approximate on purpose;
 * it protects us, not a budget, so a binding that fails leaves the isolate's own count in charge.
 */
export function createFloodGuard({ limit, binding, seed, now = Date.now }: FloodGuardOptions): FloodGuard {
  const table = createCounterTable(floodWindowMs, seed);
  const loud = limit / 16;
  return {
    isFlooding: (name) => {
      const count = table.count(name, now());
      if (count > limit) return true;
      if (!binding || count <= loud) return false;
      return isOver(binding, name);
    },
  };
}

async function isOver(binding: FloodBinding, key: string): Promise<boolean> {
  try {
    return !(await binding.limit({ key })).success;
  } catch {
    return false;
  }
}
