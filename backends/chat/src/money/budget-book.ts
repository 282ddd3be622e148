import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Logger } from '#shared/log.ts';

export type BudgetSubject = { kind: 'key' | 'user'; id: string };

/** What changed among the budgets. */
export type BudgetChanges = {
  /** What to ask with next time. Opaque. */
  position: string;
  changed: readonly (BudgetSubject & { isBudgeted: boolean })[];
};

/** What changed since a position; all budgets there are where it is null or from before the database was restored. */
export type BudgetReader = (position: string | null) => Promise<BudgetChanges & { isComplete: boolean }>;

type Caller = Pick<UserPrincipal, 'userId' | 'keyId'>;

/** Knows who has no budget, so that those need not ask the database. In doubt it does not. */
export type BudgetBook = {
  /** Whether neither the user nor the key has a budget, for sure and as of a few seconds ago at most. */
  isFree: (caller: Caller) => boolean;
  /** The database said just now that there is no budget for this caller. */
  noteFree: (caller: Caller) => void;
  /** Looks now; resolves when it has, or could not. */
  refresh: () => Promise<void>;
  stop: () => void;
};

export type BudgetBookOptions = {
  read: BudgetReader;
  log: Logger;
  now?: () => number;
  pollMs?: number;
  /** How old its knowledge may be, which is two seconds unless the database is away. */
  maxAgeMs?: number;
  /** Callers beyond this are forgotten, oldest first, and ask the database once more. */
  maxCallers?: number;
};

const fullReloadMs = 300_000;
/** As long as the edge serves callers whom it knows while nobody can say who was revoked. */
const standardMaxAgeMs = 35_000;

/**
 * Reads what changed every two seconds. A caller is free once the database has said so: a key made a moment ago, with
 * its budget, is not in what was read last. From then on a new budget is among the changes.
 */
export function startBudgetBook(options: BudgetBookOptions): BudgetBook {
  const { read, log, now = () => performance.now(), pollMs = 2_000, maxAgeMs = standardMaxAgeMs } = options;
  const { maxCallers = 50_000 } = options;
  const free = new Set<string>();
  let budgeted = new Set<string>();
  let position: string | null = null;
  let asOf = -Infinity;
  let loadedAt = -Infinity;
  let reading: Promise<void> | undefined;

  const readOnce = async (): Promise<void> => {
    const startedAt = now();
    const isDue = startedAt - loadedAt >= fullReloadMs;
    const changes = await read(isDue ? null : position);
    if (changes.isComplete) {
      budgeted = new Set();
      loadedAt = startedAt;
    }
    for (const subject of changes.changed) {
      if (subject.isBudgeted) budgeted.add(nameOf(subject.kind, subject.id));
      else budgeted.delete(nameOf(subject.kind, subject.id));
    }
    ({ position } = changes);
    asOf = startedAt;
  };
  const refresh = async (): Promise<void> => {
    reading ??= readOnce()
      .catch((error: unknown) => log.warn('cannot read who has a budget', { error }))
      .finally(() => (reading = undefined));
    await reading;
  };
  const timer = setInterval(() => void refresh(), pollMs).unref();
  void refresh();
  return {
    refresh,
    isFree: (caller) => {
      const { keyId, userId } = caller;
      if (now() - asOf > maxAgeMs) return false;
      if (budgeted.has(nameOf('user', userId))) return false;
      if (keyId !== null && budgeted.has(nameOf('key', keyId))) return false;
      return free.has(callerName(caller));
    },
    noteFree: (caller) => {
      if (free.size >= maxCallers) dropOldest(free);
      free.add(callerName(caller));
    },
    stop: () => clearInterval(timer),
  };
}

function nameOf(kind: BudgetSubject['kind'], id: string): string {
  return `${kind} ${id}`;
}

function callerName({ userId, keyId }: Caller): string {
  return `${userId} ${keyId ?? ''}`;
}

function dropOldest(names: Set<string>): void {
  for (const name of names) {
    names.delete(name);
    return;
  }
}
