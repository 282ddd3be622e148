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

/** As a plain object, which `fetch` takes in one go: a Headers object would cost a crossing for each. */
export function headersForUpstream(from: ReadonlyMap<string, string>): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const [name, value] of from) if (requestHeaders.has(name)) picked[name] = value;
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
