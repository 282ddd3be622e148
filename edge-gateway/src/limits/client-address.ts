import type { HeaderLookup } from '../header-lookup.ts';

export type AddressedRequest = { raw: Pick<Request, 'cf'>; headers: HeaderLookup };

const mapping = '::ffff:';

/**
 * Where a request comes from, or null where that cannot be known. A header counts only when the operator named it,
 * because anybody can send one: on Cloudflare `cf-connecting-ip`, behind a proxy the header that the proxy writes.
 * Of a list the last entry counts, the one written by the proxy nearest to us.
 * Without such a header it is the peer of the connection, which plain workerd gives as `cf.clientIp`: the platform makes
 * that of text for each request, at a twentieth of its CPU.
 */
export function clientAddress({ raw, headers }: AddressedRequest, trustedHeader: string | undefined): string | null {
  if (trustedHeader === undefined) return peerAddress(raw.cf);
  const sent = headers.get(trustedHeader) ?? null;
  return sent === null ? null : unmapped(sent.slice(sent.lastIndexOf(',') + 1).trim());
}

function peerAddress(cf: Request['cf']): string | null {
  const peer = cf?.['clientIp'];
  if (typeof peer !== 'string') return null;
  const end = peer.lastIndexOf(':');
  return peer.startsWith('[') ? unmapped(peer.slice(1, end - 1)) : peer.slice(0, end);
}

/** A socket for both kinds of addresses writes 10.0.0.1 as ::ffff:10.0.0.1, by which nobody would know it for a private one. */
function unmapped(address: string): string {
  return address.startsWith(mapping) && address.includes('.') ? address.slice(mapping.length) : address;
}
