import { isIPv6 } from 'node:net';
import { AppError } from '#shared/http/error.ts';

/** So many at once, and on average so many in a window. */
export type AttemptLimit = { attempts: number; windowSeconds: number };

export type AttemptCounter = {
  /** Null: go on. Otherwise the seconds until the next is allowed; such an attempt does not count. */
  take: (name: string) => number | null;
  /** Gives an attempt back that turned out to be fine. */
  refund: (name: string) => void;
};

const maxNames = 50_000;

/**
 * Counts by name in memory, one number each: the time at which the name would be all free again. Every process counts
 * for itself; what is counted costs an argon2 hash or a mail, so an exact count over processes would buy little.
 */
export function createAttemptCounter(limit: AttemptLimit, now: () => number = Date.now): AttemptCounter {
  const windowMs = limit.windowSeconds * 1_000;
  const costMs = windowMs / limit.attempts;
  const freeAt = new Map<string, number>();

  const set = (name: string, at: number): void => {
    freeAt.delete(name);
    freeAt.set(name, at);
    const [oldest] = freeAt.size > maxNames ? freeAt.keys() : [];
    if (oldest !== undefined) freeAt.delete(oldest);
  };
  return {
    take: (name) => {
      const next = Math.max(freeAt.get(name) ?? 0, now()) + costMs;
      const tooEarlyMs = next - windowMs - now();
      if (tooEarlyMs > 0.001) return Math.ceil(tooEarlyMs / 1_000);
      set(name, next);
      return null;
    },
    refund: (name) => {
      const at = freeAt.get(name);
      if (at !== undefined) set(name, at - costMs);
    },
  };
}

/** Counters and the names that one attempt has in them; those without a name are passed over. */
export type Counted = readonly (readonly [AttemptCounter, string | null])[];

/** Counts an attempt everywhere, or refuses it with `rate_limited` and counts it nowhere. */
export function takeAttempt(counted: Counted): void {
  const taken: [AttemptCounter, string][] = [];
  for (const [counter, name] of counted) {
    if (name === null) continue;
    const retryAfterSeconds = counter.take(name);
    if (retryAfterSeconds === null) {
      taken.push([counter, name]);
      continue;
    }
    for (const [earlier, earlierName] of taken) earlier.refund(earlierName);
    throw new AppError('rate_limited', 'Too many attempts; please try again later', { retryAfterSeconds });
  }
}

export function refundAttempt(counted: Counted): void {
  for (const [counter, name] of counted) if (name !== null) counter.refund(name);
}

/** Whose an address is for limits: one IPv6 customer has a whole /64. */
export function networkOf(address: string | null): string | null {
  if (address === null || !isIPv6(address)) return address;
  if (address.includes('.')) return address;
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - groups.length - rest.length }, () => '0');
  return [...groups, ...zeros, ...rest]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
