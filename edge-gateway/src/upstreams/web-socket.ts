import type { HeaderLookup } from '../header-lookup.ts';

const keyProtocol = 'gaia-key.';

export function isUpgrade(headers: HeaderLookup): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket';
}

/**
 * Browsers cannot set headers on a WebSocket, so they name their key as a subprotocol: `gaia, gaia-key.<key>`. Here it
 * becomes the header it would have been; a second one beside a header is refused like any doubled credential.
 */
export function withProtocolKey(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  if (!isUpgrade(headers)) return headers;
  const key = protocolsOf(headers).find((protocol) => protocol.startsWith(keyProtocol));
  if (key === undefined) return headers;
  const beside = headers.get('x-api-key');
  const named = key.slice(keyProtocol.length);
  return new Map(headers).set('x-api-key', beside === undefined ? named : `${beside}, ${named}`);
}

/** Asks the backend for the same upgrade, without the credential. */
export function setUpgrade(from: HeaderLookup, to: Record<string, string>): void {
  to['upgrade'] = 'websocket';
  const offered = protocolsOf(from).filter((protocol) => !protocol.startsWith(keyProtocol));
  if (offered.length > 0) to['sec-websocket-protocol'] = offered.join(', ');
}

/** The subprotocol the backend chose; one that the client did not offer would make it hang up. */
export function chosenProtocol(offered: HeaderLookup, answered: Headers): string | null {
  const chosen = answered.get('sec-websocket-protocol');
  return chosen !== null && !chosen.startsWith(keyProtocol) && protocolsOf(offered).includes(chosen) ? chosen : null;
}

function protocolsOf(headers: HeaderLookup): string[] {
  return (headers.get('sec-websocket-protocol') ?? '').split(',').map((protocol) => protocol.trim());
}
