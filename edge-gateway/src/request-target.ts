/** The path as it came over the wire, still encoded, and `?…` or nothing. */
export type RequestTarget = { path: string; search: string };

/**
 * The platform gives an absolute URL, so two searches find what `new URL` would, at a tenth of the cost. Only
 * Cloudflare's has its dot segments resolved; requireCleanRequest refuses the others.
 */
export function targetOf(url: string): RequestTarget {
  const pathStart = url.indexOf('/', 'https://'.length);
  const queryStart = url.indexOf('?', pathStart);
  if (queryStart === -1) return { path: url.slice(pathStart), search: '' };
  return { path: url.slice(pathStart, queryStart), search: url.slice(queryStart) };
}
