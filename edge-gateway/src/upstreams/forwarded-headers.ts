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
  'idempotency-replayed',
  'location',
  'preference-applied',
  'ratelimit',
  'ratelimit-policy',
  'request-id',
  'retry-after',
  'www-authenticate',
  'x-content-type-options',
  'x-request-id',
  'x-should-retry',
]);

export function headersForUpstream(from: Headers): Headers {
  return pick(from, requestHeaders);
}

export function headersForClient(from: Headers): Headers {
  return pick(from, responseHeaders);
}

function pick(from: Headers, names: ReadonlySet<string>): Headers {
  const picked = new Headers();
  from.forEach((value, name) => {
    if (names.has(name)) picked.set(name, value);
  });
  return picked;
}
