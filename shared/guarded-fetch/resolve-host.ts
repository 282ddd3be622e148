import { Resolver } from 'node:dns/promises';

/** All addresses of a name. Empty where it has none or nobody can say. */
export type ResolveHost = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

const queryTimeoutMs = 2_000;

/**
 * Asks DNS and nothing else: no hosts file, no search domains, and none of the four threads that the system's own
 * look-up would block.
 */
export const resolveHost: ResolveHost = async (host, signal) => {
  const resolver = new Resolver({ timeout: queryTimeoutMs, tries: 2 });
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const queries = [resolver.resolve4(host), resolver.resolve6(host)];
    const found = await Promise.all(queries.map((query) => query.catch((): string[] => [])));
    return found.flat();
  } finally {
    signal.removeEventListener('abort', cancel);
  }
};
