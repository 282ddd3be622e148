/** Header names that more than one deployable speaks. */
export const headerNames = {
  requestId: 'x-request-id',
  assertion: 'x-gaia-assertion',
  contract: 'x-gaia-contract',
  /** On an answer, and on the gateway's request to a backend: what the answer has to start it with. */
  serverTiming: 'server-timing',
  /** Set by the gateway, which lets nothing of that name in; believed only next to an assertion. */
  clientAddress: 'x-gaia-client-address',
} as const;

/** On every answer of every layer: nothing here may be cached or sniffed. */
export const securityHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
} as const;
