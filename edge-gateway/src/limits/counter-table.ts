/** Counts how often each name came in the current window, in a table whose size never changes. */
export type CounterTable = {
  /** How often, this time included. Never too low; too high only when names collide in both rows of the table. */
  count: (name: string, now: number) => number;
};

const slots = 1 << 14;

/**
 * A count-min sketch: two rows of counters, each name has one in both, the smaller is the answer. Made names cannot
 * push others out, as they could in a cache, and a secret seed keeps anybody from choosing names that collide.
 */
export function createCounterTable(windowMs: number, seed: number): CounterTable {
  const first = new Uint32Array(slots);
  const second = new Uint32Array(slots);
  let window = -1;
  return {
    count: (name, now) => {
      const current = Math.floor(now / windowMs);
      if (current !== window) {
        window = current;
        first.fill(0);
        second.fill(0);
      }
      const hash = mixed(hashOf(name, seed));
      return Math.min(increment(first, hash & (slots - 1)), increment(second, hash >>> 18));
    },
  };
}

function increment(row: Uint32Array, slot: number): number {
  const count = (row[slot] ?? 0) + 1;
  row[slot] = count;
  return count;
}

/** FNV-1a. */
function hashOf(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

/** Spreads every bit over the whole word (murmur3's finish), so that its two ends serve as two hashes. */
function mixed(hash: number): number {
  let word = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
