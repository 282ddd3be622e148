const keyProtocol = 'gaia-key.';

export function isUpgrade(headers: Headers): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket';
}

/**
 * Browsers cannot set headers on a WebSocket, so they name their key as a subprotocol: `gaia, gaia-key.<key>`. Here it
 * becomes the header it would have been; a second one beside a header is refused like any doubled credential.
 */
export function withProtocolKey(headers: Headers): Headers {
  if (!isUpgrade(headers)) return headers;
  const key = protocolsOf(headers).find((protocol) => protocol.startsWith(keyProtocol));
  if (key === undefined) return headers;
  const named = new Headers(headers);
  named.append('x-api-key', key.slice(keyProtocol.length));
  return named;
}

/** Asks the backend for the same upgrade, without the credential. */
export function setUpgrade(from: Headers, to: Headers): void {
  to.set('upgrade', 'websocket');
  const offered = protocolsOf(from).filter((protocol) => !protocol.startsWith(keyProtocol));
  if (offered.length > 0) to.set('sec-websocket-protocol', offered.join(', '));
}

/** The subprotocol the backend chose; one that the client did not offer would make it hang up. */
export function chosenProtocol(offered: Headers, answered: Headers): string | null {
  const chosen = answered.get('sec-websocket-protocol');
  return chosen !== null && !chosen.startsWith(keyProtocol) && protocolsOf(offered).includes(chosen) ? chosen : null;
}

function protocolsOf(headers: Headers): string[] {
  return (headers.get('sec-websocket-protocol') ?? '').split(',').map((protocol) => protocol.trim());
}
