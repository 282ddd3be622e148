import type { HeaderLookup } from '../header-lookup.ts';

export type AddressedRequest = { raw: Pick<Request, 'cf'>; headers: HeaderLookup };

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
  return sent === null ? null : sent.slice(sent.lastIndexOf(',') + 1).trim();
}

function peerAddress(cf: Request['cf']): string | null {
  const peer = cf?.['clientIp'];
  if (typeof peer !== 'string') return null;
  const end = peer.lastIndexOf(':');
  return peer.startsWith('[') ? peer.slice(1, end - 1) : peer.slice(0, end);
}
