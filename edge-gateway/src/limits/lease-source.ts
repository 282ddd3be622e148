import * as z from 'zod/mini';
import { AppError } from '#shared/http/error.ts';
import type { LeaseSource } from './rpm-leases.ts';
import type { Lease, LeaseAsk } from './rpm-window.ts';

/** The namespace of KeyLimits objects, as far as we use it. */
export type LeaseNamespace = { getByName: (name: string) => { lease: (ask: LeaseAsk) => Promise<Lease> } };

export type LeaseBindings = {
  /** Cloudflare: one object per key, wherever the request arrives. */
  namespace?: LeaseNamespace | undefined;
  /** Plain workerd: the process that hosts those objects for all the others. */
  limiter?: Pick<Fetcher, 'fetch'> | undefined;
};

const LeaseSchema = z.object({ granted: z.int(), remaining: z.int(), resetsInMs: z.number(), window: z.number() });

/**
 * Where leases come from. Nowhere to ask, or no answer in time, refuses the limited key with 503: a limit that stops
 * counting while something is broken is no limit, and keys without one are not concerned.
 */
export function createLeaseSource({ namespace, limiter }: LeaseBindings, timeoutMs = 2_000): LeaseSource {
  const ask = (namespace && viaNamespace(namespace)) ?? (limiter && viaService(limiter));
  return async (key, lease) => {
    if (!ask) throw cannotCount('there is neither KEY_LIMITS nor LIMITER');
    try {
      return await withDeadline(ask(key, lease), timeoutMs);
    } catch (cause) {
      throw cannotCount(cause);
    }
  };
}

function viaNamespace(namespace: LeaseNamespace): LeaseSource {
  return async (key, ask) => await namespace.getByName(key).lease(ask);
}

function viaService(limiter: Pick<Fetcher, 'fetch'>): LeaseSource {
  return async (key, ask) => {
    const answer = await limiter.fetch('http://limiter/', { method: 'POST', body: JSON.stringify({ key, ...ask }) });
    return LeaseSchema.parse(await answer.json());
  };
}

/** A call to an object cannot be aborted. An answer after the deadline is a lease nobody uses. */
async function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => deadline.reject(new Error('the limiter took too long')), timeoutMs);
  try {
    return await Promise.race([work, deadline.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function cannotCount(cause: unknown): AppError {
  return new AppError('unavailable', 'The limits of this key cannot be checked right now', { cause });
}
