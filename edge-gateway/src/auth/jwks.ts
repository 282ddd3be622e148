import { AppError } from '#shared/http/error.ts';
import { createFetchRounds } from './fetch-rounds.ts';
import { keyName, readJwks, type Keys } from './jwks-document.ts';
import type { KeySource, TrustedKey } from './token-keys.ts';

export type JwksOptions = {
  url: string;
  send: typeof fetch;
  /** What the server of the keys wants to see, made afresh for every fetch. */
  headers?: () => Promise<Record<string, string>>;
  /** Lets work go on after the answer of the request that started it. */
  background: (work: Promise<void>) => void;
  now?: () => number;
};

const deadlineMs = 3_000;
const freshMs = 10 * 60_000;
/** While the server is away, known keys go on working: its trouble must not become that of every session. */
const staleMs = 24 * 3_600_000;
/** An unknown id asks the server at most this often; a server that was away is asked again soon. */
const restMs = { done: 60_000, failed: 2_000 };

/** The keys of a JWKS endpoint by their id: a closed set, which its server alone decides. */
export function createJwks({ url, send, headers, background, now = Date.now }: JwksOptions): KeySource {
  let held: { keys: Keys; askedAt: number } | null = null;

  const rounds = createFetchRounds({ fetch: refresh, deadlineMs, restMs, background, now });

  async function refresh(): Promise<void> {
    const askedAt = now();
    const signal = AbortSignal.timeout(deadlineMs);
    const keys = await readJwks(await send(url, { headers: (await headers?.()) ?? {}, redirect: 'manual', signal }));
    if (!held || askedAt >= held.askedAt) held = { keys, askedAt };
  }

  function lookUp(name: string): TrustedKey | null {
    const key = held && now() - held.askedAt < staleMs ? held.keys.get(name) : undefined;
    return held && key ? { key, trustedUntil: held.askedAt + freshMs } : null;
  }

  /** A key that may be gone by now. Nobody waits for a server that was away a moment ago: the key will do. */
  async function confirmed(name: string, known: TrustedKey): Promise<TrustedKey | null> {
    const wasAway = rounds.latest().outcome === 'failed';
    const begun = rounds.begin();
    if (!begun || wasAway) return known;
    await begun;
    return lookUp(name);
  }

  return async (kid, algorithm) => {
    if (kid === undefined) return null;
    const name = keyName(algorithm, kid);
    const known = lookUp(name);
    if (known) return known.trustedUntil > now() ? known : await confirmed(name, known);
    await rounds.join();
    const { outcome, cause } = rounds.latest();
    const found = lookUp(name);
    if (found || outcome === 'done') return found;
    throw new AppError('unavailable', 'Credentials cannot be checked right now', { cause });
  };
}
