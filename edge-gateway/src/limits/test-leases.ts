import { vi } from 'vitest';
import { createRpmLeases, type LeaseSource, type RpmLeases } from './rpm-leases.ts';
import { grantLease, type RpmWindow } from './rpm-window.ts';

export type World = { now: number };

/** The counter of one key as it is in the world, without a network in between. */
export function counter(world: World) {
  let window: RpmWindow | undefined;
  return vi.fn<LeaseSource>(async (_key, ask) => {
    const next = grantLease(window, ask, world.now);
    window = next.window;
    return next.lease;
  });
}

export function isolate(world: World, ask: LeaseSource, skewMs = 0) {
  return createRpmLeases({ ask, now: () => world.now + skewMs });
}

/** How many of so many requests, one after the other, are admitted. */
export async function admitted(leases: RpmLeases, requests: number, limit: number): Promise<number> {
  let count = 0;
  for (let request = 0; request < requests; request += 1) count += Number((await leases.take('key', limit)).admitted);
  return count;
}
