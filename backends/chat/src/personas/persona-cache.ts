import type { Persona } from './persona.ts';

export type PersonaCacheCounts = { entries: number; hits: number; misses: number };

export type PersonaCache = {
  /** What is kept under this name for the user, or what `load` gives, which is then kept. */
  get: (userId: string, name: string, load: () => Promise<Persona>) => Promise<Persona>;
  /** Forgets what is kept for this user, and how much that was. */
  drop: (userId: string) => number;
  /** After a change that everybody sees. */
  dropAll: () => void;
  counts: (userId: string) => PersonaCacheCounts;
};

export const personaCacheSeconds = 60;
const maxUsers = 10_000;
const maxPerUser = 20;

type Entry = { persona: Persona; until: number };
type Shelf = { entries: Map<string, Entry>; hits: number; misses: number };

/**
 * Spares each message a look-up. A change is seen at once in the process that made it, and within a minute in others.
 * Bounded by forgetting the user who was not seen for longest.
 */
export function createPersonaCache(now: () => number = () => performance.now()): PersonaCache {
  const shelves = new Map<string, Shelf>();
  let changes = 0;
  return {
    get: async (userId, name, load) => {
      const shelf = shelfOf(shelves, userId);
      const found = shelf.entries.get(name);
      if (found && found.until > now()) {
        shelf.hits += 1;
        return found.persona;
      }
      shelf.misses += 1;
      const before = changes;
      const persona = await load();
      // What was read before a change must not outlive it.
      if (changes === before) keep(shelf, name, { persona, until: now() + personaCacheSeconds * 1_000 });
      return persona;
    },
    drop: (userId) => {
      changes += 1;
      const entries = shelves.get(userId)?.entries;
      const dropped = entries?.size ?? 0;
      entries?.clear();
      return dropped;
    },
    dropAll: () => {
      changes += 1;
      for (const { entries } of shelves.values()) entries.clear();
    },
    counts: (userId) => {
      const { entries, hits, misses } = shelves.get(userId) ?? {
        entries: new Map<string, Entry>(),
        hits: 0,
        misses: 0,
      };
      return { entries: Array.from(entries.values()).filter(({ until }) => until > now()).length, hits, misses };
    },
  };
}

/** The user's, now the last to be forgotten. */
function shelfOf(shelves: Map<string, Shelf>, userId: string): Shelf {
  const shelf = shelves.get(userId) ?? { entries: new Map<string, Entry>(), hits: 0, misses: 0 };
  shelves.delete(userId);
  shelves.set(userId, shelf);
  const [oldest] = shelves.keys();
  if (shelves.size > maxUsers && oldest !== undefined) shelves.delete(oldest);
  return shelf;
}

function keep({ entries }: Shelf, name: string, entry: Entry): void {
  entries.delete(name);
  entries.set(name, entry);
  const [oldest] = entries.keys();
  if (entries.size > maxPerUser && oldest !== undefined) entries.delete(oldest);
}
