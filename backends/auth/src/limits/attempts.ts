import { isIPv6 } from 'node:net';
import { AppError } from '#shared/http/error.ts';

/** So many at once, and on average so many in a window. */
export type AttemptLimit = { attempts: number; windowSeconds: number };

export type AttemptCounter = {
  /** Null: go on. Otherwise the seconds until the next is allowed; such an attempt does not count. */
  take: (name: string) => number | null;
  /** Gives an attempt back that turned out to be fine. */
  refund: (name: string) => void;
  /** Refuses the name for so many seconds: somebody who knows more has said so. */
  block: (name: string, seconds: number) => void;
  limit: AttemptLimit;
};

const maxNames = 50_000;

/** Counts by name in memory, one number each: the time at which the name would be all free again. */
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
    limit,
    block: (name, seconds) => set(name, now() + seconds * 1_000 + windowMs - costMs),
    refund: (name) => {
      const at = freeAt.get(name);
      if (at !== undefined) set(name, at - costMs);
    },
  };
}

/** What all processes count together, in one place that they all can see. */
export type SharedAttempts = {
  /** Counts under all names, or under none: then it tells which one has no room, and for how many seconds. */
  take: (names: readonly SharedName[]) => Promise<{ index: number; seconds: number } | null>;
  refund: (names: readonly SharedName[]) => Promise<void>;
};

/** `name` says what is counted, too. */
export type SharedName = { name: string; limit: AttemptLimit };

/** A counter, the name that an attempt has in it (without one it is passed over), and what all processes call it. */
export type Counting = readonly [counter: AttemptCounter, name: string | null, label: string];

export type Counted = { counting: readonly Counting[]; shared: SharedAttempts | null };

/**
 * Counts an attempt everywhere, or refuses it with `rate_limited` and counts it nowhere. Here first: a flood is refused
 * without asking anybody. Then, in one question, with all processes; what they refuse is refused here until it is over.
 */
export async function takeAttempt({ counting, shared }: Counted): Promise<void> {
  takeHere(counting);
  if (!shared) return;
  const names = namesOf(counting);
  const refused = await shared.take(names);
  if (!refused) return;
  refundHere(counting);
  const { counter, name } = names[refused.index] ?? {};
  if (counter && name !== undefined) counter.block(name.slice(name.indexOf(' ') + 1), refused.seconds);
  throw tooMany(Math.max(1, Math.ceil(refused.seconds)));
}

export async function refundAttempt({ counting, shared }: Counted): Promise<void> {
  refundHere(counting);
  await shared?.refund(namesOf(counting));
}

function takeHere(counting: readonly Counting[]): void {
  const taken: Counting[] = [];
  for (const entry of counting) {
    const [counter, name] = entry;
    const retryAfterSeconds = name === null ? null : counter.take(name);
    if (retryAfterSeconds !== null) {
      refundHere(taken);
      throw tooMany(retryAfterSeconds);
    }
    taken.push(entry);
  }
}

function refundHere(counting: readonly Counting[]): void {
  for (const [counter, name] of counting) if (name !== null) counter.refund(name);
}

function namesOf(counting: readonly Counting[]): (SharedName & { counter: AttemptCounter })[] {
  return counting.flatMap(([counter, name, label]) =>
    name === null ? [] : [{ counter, limit: counter.limit, name: `${label} ${name}` }],
  );
}

function tooMany(retryAfterSeconds: number): AppError {
  return new AppError('rate_limited', 'Too many attempts; please try again later', { retryAfterSeconds });
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
