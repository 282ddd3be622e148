import { AppError } from '#shared/http/error.ts';

/**
 * Headers cross the gateway by these lists only, in both directions. Nothing a client sends can become identity,
 * and nothing a backend sends (`set-cookie`, `fly-replay`, …) can steer the edge.
 */
const requestHeaders = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'anthropic-beta',
  'anthropic-version',
  'content-encoding',
  'content-type',
  'idempotency-key',
  'last-event-id',
  'openai-beta',
  'prefer',
  'user-agent',
]);

const responseHeaders = new Set([
  'allow',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-security-policy',
  'content-type',
  'date',
  'idempotency-replayed',
  'location',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'request-id',
  'retry-after',
  'www-authenticate',
  'x-accel-buffering',
  'x-content-type-options',
  'x-request-id',
  'x-should-retry',
]);

/**
 * As a plain object, which `fetch` takes in one go: a Headers object would cost a crossing for each. More than `room`
 * bytes of them are refused here, where the caller gets an answer with its own request id.
 */
export function headersForUpstream(from: ReadonlyMap<string, string>, room: number): Record<string, string> {
  const picked: Record<string, string> = {};
  let length = 0;
  for (const [name, value] of from) {
    if (!requestHeaders.has(name)) continue;
    picked[name] = value;
    length += name.length + value.length;
  }
  // Characters have up to three bytes, which are counted only where they could be too many.
  if (length * 3 > room && bytesOf(picked) > room) {
    throw new AppError('headers_too_large', 'The URL and the headers are too long together');
  }
  return picked;
}

export function headersForClient(from: Headers): Record<string, string> {
  const picked: Record<string, string> = {};
  from.forEach((value, name) => {
    if (mayReachClient(name)) picked[name] = value;
  });
  return picked;
}

export function mayReachClient(name: string): boolean {
  return responseHeaders.has(name);
}

function bytesOf(headers: Record<string, string>): number {
  return new TextEncoder().encode(Object.entries(headers).flat().join('')).length;
}
