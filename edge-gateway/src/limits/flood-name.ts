import { parseIpAddress } from './ip-address.ts';

const notPublic = /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|\[?::1$|f[cde][0-9a-f]{2}:)/i;

/**
 * Under which name an address is counted. Of IPv6 the first half counts: whoever has one address there has all 2^64.
 * An operator who named a trusted header expects it, so requests without a readable one share one name.
 */
export function floodNameOf(address: string | null): string {
  if (address === null) return 'unknown';
  if (!address.includes(':')) return address;
  const bytes = parseIpAddress(address);
  if (!bytes) return 'unknown';
  return bytes.slice(0, bytes.length === 4 ? 4 : 8).join('.');
}

/**
 * Null: nobody to count. A peer on our own machine or network is a proxy, a container bridge or ourselves, and what
 * stands behind it cannot be told apart: one bucket for all of it would refuse everybody for the fault of one.
 */
export function floodNameOfPeer(peer: string | null): string | null {
  return peer === null || notPublic.test(peer) ? null : floodNameOf(peer);
}
