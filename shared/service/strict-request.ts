import { AppError } from '../http/error.ts';
import { headerNames } from '../http/headers.ts';

const maxHeaders = 100;
const singletons = new Set(['host', 'authorization', 'content-type', 'content-length', headerNames.assertion]);

/**
 * What proxies and servers are known to read differently: a header of which there may be one sent twice, a missing Host,
 * and header floods. Node has already refused the framing attacks (two lengths, bad chunks). Takes names and values in
 * turns, as they came; without them there is nothing to find.
 */
export function ambiguityOf(rawHeaders: readonly string[] | undefined): AppError | undefined {
  if (!rawHeaders) return undefined;
  if (rawHeaders.length > maxHeaders * 2) {
    return new AppError('headers_too_large', `A request may have at most ${maxHeaders} header fields`);
  }
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    if (!singletons.has(name)) continue;
    if (seen.has(name)) return new AppError('invalid_request', `The header ${name} may be sent only once`);
    seen.add(name);
  }
  return seen.has('host') ? undefined : new AppError('invalid_request', 'The Host header is missing');
}
