import { AppError } from '#shared/http/error.ts';
import type { EdgeRequest } from './edge.ts';
import { ownMethods, ownPaths } from './routes/own-paths.ts';

const maxUrlLength = 8_192;
/** What the backends take as well. A header that was sent many times is one here. */
const maxHeaders = 100;
const maxHeadersLength = 16_384;
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Refuses requests that the layers behind could read differently from us. */
export function requireCleanRequest(request: Pick<EdgeRequest, 'url' | 'method' | 'path' | 'headers'>): void {
  const { url, method, path, headers } = request;
  if (url.length > maxUrlLength) {
    throw new AppError('uri_too_long', `The URL may have at most ${maxUrlLength} characters`);
  }
  if (!methods.has(method)) {
    throw new AppError('method_not_allowed', 'This method is not served here', {
      headers: { allow: ownPaths.has(path) ? ownMethods : [...methods].join(', ') },
    });
  }
  if (isAmbiguousPath(path)) throw new AppError('invalid_request', 'The path has empty, encoded or relative parts');
  if (!isHost(headers.get('host'))) {
    throw new AppError('invalid_request', 'The Host header must be one name or address, with a port at most');
  }
  requireFewHeaders(headers);
}

/** Nearly every request names the one that the last one named. */
let knownHost: string | undefined;

/** workerd puts any text there before the path, in which a slash, a `?` or a `#` would move where the path begins. */
function isHost(host: string | undefined): boolean {
  if (host === knownHost || host === undefined) return true;
  if (!/^(?:[\w.-]+|\[[\d:.a-f]+\])(?::[1-9]\d{0,4})?$/i.test(host) || !URL.canParse(`http://${host}`)) return false;
  knownHost = host;
  return true;
}

function requireFewHeaders(headers: EdgeRequest['headers']): void {
  let length = 0;
  for (const [name, value] of headers) length += name.length + value.length;
  if (headers.size <= maxHeaders && length <= maxHeadersLength) return;
  throw new AppError(
    'headers_too_large',
    `The headers may be ${maxHeaders}, with ${maxHeadersLength} characters together`,
  );
}

/**
 * Control characters, backslashes, empty segments, and dot segments, encoded or plain: workerd gives the path as it came,
 * and `fetch` would resolve it after it was routed.
 */
export function isAmbiguousPath(path: string): boolean {
  if (path.includes('//')) return true;
  if (!path.includes('/.') && !path.includes('%') && !path.includes('\\')) return false;
  if (/%5c|%25|%[01][0-9a-f]|%7f|\\/i.test(path)) return true;
  return path.split(/\/|%2f/i).some((part) => /^(?:\.|%2e){1,2}$/i.test(part));
}

/** A slash in a name arrives encoded, which only the rows that expect it may let through. */
export function hasEncodedSlash(path: string): boolean {
  return path.includes('%') && /%2f/i.test(path);
}
