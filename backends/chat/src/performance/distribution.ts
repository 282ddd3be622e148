/** How measured times are spread, in milliseconds to a tenth. */
export type Distribution = { count: number; p50: number; p95: number; p99: number; max: number };

/** Null where nothing was measured. */
export function distributionOf(parts: readonly Float32Array[]): Distribution | null {
  const times = sorted(parts);
  if (times.length === 0) return null;
  const at = (share: number): number => tenths(times[Math.ceil(times.length * share) - 1] ?? 0);
  return { count: times.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

/** Typed arrays sort several times faster than others, and these may be long. */
function sorted(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all.sort();
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
