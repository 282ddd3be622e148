/** Headers as far as somebody asks for them by name: the platform's, or a copy of them. */
export type HeaderLookup = { get: (name: string) => string | null | undefined; has: (name: string) => boolean };

/** A copy for JavaScript, made in one go: asking the platform costs the same for one header as for all. */
export function readHeaders(from: Headers): ReadonlyMap<string, string> {
  const copy = new Map<string, string>();
  from.forEach((value, name) => void copy.set(name, value));
  return copy;
}
