export type BoundedCache<V> = {
  get: (key: string) => V | undefined;
  set: (key: string, value: V) => void;
  delete: (key: string) => void;
  /** Never more than the limit. */
  size: () => number;
};

/**
 * Keeps what was used last: at least the newest half of `limit` entries, at most `limit`. Two generations instead of
 * an order of use, so that a hit is one look into one map and writes nothing.
 */
export function createBoundedCache<V>(limit: number): BoundedCache<V> {
  let young = new Map<string, V>();
  let old = new Map<string, V>();

  const set = (key: string, value: V): void => {
    if (young.size >= limit / 2 && !young.has(key)) {
      old = young;
      young = new Map();
    }
    young.set(key, value);
  };
  return {
    set,
    get: (key) => {
      const value = young.get(key);
      if (value !== undefined) return value;
      const older = old.get(key);
      if (older === undefined) return undefined;
      old.delete(key);
      set(key, older);
      return older;
    },
    delete: (key) => {
      young.delete(key);
      old.delete(key);
    },
    size: () => young.size + old.size,
  };
}
