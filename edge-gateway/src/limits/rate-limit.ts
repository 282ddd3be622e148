/** One policy, and where a caller stands with it. */
export type RateLimitState = {
  policy: 'address' | 'key' | 'rpm';
  limit: number;
  windowMs: number;
  remaining: number;
  resetsInMs: number;
};

/**
 * Puts `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) in front of what a backend may
 * have said about its own policies, tokens a minute for example: both fields are lists.
 */
export function rateLimitHeaders(headers: Headers, state: RateLimitState): void {
  const { policy, limit, windowMs, remaining } = state;
  prepend(headers, 'ratelimit-policy', `"${policy}";q=${limit};w=${windowMs / 1_000}`);
  prepend(headers, 'ratelimit', `"${policy}";r=${remaining};t=${secondsUntilReset(state)}`);
}

/** Rounded up: who waits this long does not come too early. */
export function secondsUntilReset({ resetsInMs }: Pick<RateLimitState, 'resetsInMs'>): number {
  return Math.max(1, Math.ceil(resetsInMs / 1_000));
}

function prepend(headers: Headers, name: string, value: string): void {
  const known = headers.get(name);
  headers.set(name, known === null ? value : `${value}, ${known}`);
}
