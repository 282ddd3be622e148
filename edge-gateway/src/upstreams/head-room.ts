/**
 * In bytes, of a request target with the names and values of its headers. A backend's parser takes 16,384; the rest is
 * for what we and the platforms add: a trace, timings, limits, an id, an address, Host, the upgrade.
 */
const maxHead = 12_800;

/** How many bytes the headers of the client may have on a request to this URL with this assertion. */
export function headRoom(url: string, assertion: string): number {
  return maxHead - assertion.length - maxBytesOf(url);
}

/** Exact where it is long: `fetch` may make nine characters of one, three bytes that are percent-encoded. */
function maxBytesOf(url: string): number {
  return url.length <= 128 ? url.length * 9 : new URL(url).href.length;
}
