import { AppError } from '#shared/http/error.ts';
import type { EdgeRequest } from '../edge.ts';
import type { HeaderLookup } from '../header-lookup.ts';

const keyProtocol = 'gaia-key.';
const version = '13';
/** Tokens, in which no key can hide behind a space. They go on in full: head-room.ts leaves that much for them. */
const fewTokens = /^(?:[\w!#$%&'*+.^`|~-]|, ){0,512}$/;
const nonce = /^[A-Za-z0-9+/]{22}==$/;

export function isUpgrade(headers: HeaderLookup): boolean {
  return headers.get('upgrade')?.toLowerCase() === 'websocket';
}

/**
 * The headers to look for credentials in. Browsers cannot set any on a WebSocket, so they name their key as a
 * subprotocol: `gaia, gaia-key.<key>`. Here it becomes the header it would have been; a second one, of either kind, is
 * refused like any doubled credential.
 */
export function credentialHeaders({
  method,
  headers,
}: Pick<EdgeRequest, 'method' | 'headers'>): EdgeRequest['headers'] {
  if (!isUpgrade(headers)) return headers;
  requireHandshake(method, headers);
  const keys = protocolsOf(headers).filter(isKey);
  if (keys.length === 0) return headers;
  const beside = headers.get('x-api-key');
  const named = keys.map((key) => key.slice(keyProtocol.length));
  return new Map(headers).set('x-api-key', [...(beside === undefined ? [] : [beside]), ...named].join(', '));
}

/** What the platform would refuse only when the answer is made, and the backend's socket long open. */
function requireHandshake(method: string, headers: HeaderLookup): void {
  if (method !== 'GET') throw new AppError('invalid_request', 'A WebSocket is opened with GET');
  if (headers.get('sec-websocket-version') !== version) {
    throw new AppError('upgrade_required', `WebSockets of version ${version} only are served here`, {
      headers: { upgrade: 'websocket', 'sec-websocket-version': version },
    });
  }
  if (!nonce.test(headers.get('sec-websocket-key') ?? '')) {
    throw new AppError('invalid_request', 'Sec-WebSocket-Key must be 16 bytes in base64');
  }
  if (!fewTokens.test(offeredOf(headers))) {
    throw new AppError('invalid_request', 'The subprotocols must be tokens, of 512 characters together');
  }
}

/** Asks the backend for the same upgrade, without the credential. */
export function setUpgrade(from: HeaderLookup, to: Record<string, string>): void {
  to['upgrade'] = 'websocket';
  const offered = offeredOf(from);
  if (offered !== '') to['sec-websocket-protocol'] = offered;
}

/** The subprotocol the backend chose; one that the client did not offer would make it hang up. */
export function chosenProtocol(offered: HeaderLookup, answered: Headers): string | null {
  const chosen = answered.get('sec-websocket-protocol');
  return chosen !== null && !isKey(chosen) && protocolsOf(offered).includes(chosen) ? chosen : null;
}

/** What the backend may choose from. */
function offeredOf(headers: HeaderLookup): string {
  return protocolsOf(headers)
    .filter((protocol) => !isKey(protocol))
    .join(', ');
}

/** In capitals too: what anybody could take for a key must not reach a backend. */
function isKey(protocol: string): boolean {
  return protocol.slice(0, keyProtocol.length).toLowerCase() === keyProtocol;
}

function protocolsOf(headers: HeaderLookup): string[] {
  return (headers.get('sec-websocket-protocol') ?? '').split(',').map((protocol) => protocol.trim());
}
