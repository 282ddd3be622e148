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
export function rateLimitHeaders(headers: Record<string, string>, state: RateLimitState): void {
  for (const [name, value] of Object.entries(rateLimitFields(state))) prepend(headers, name, value);
}

/** The two fields as they stand for one policy. */
export function rateLimitFields(state: RateLimitState): Record<'ratelimit-policy' | 'ratelimit', string> {
  const { policy, limit, windowMs, remaining } = state;
  return {
    'ratelimit-policy': `"${policy}";q=${limit};w=${windowMs / 1_000}`,
    ratelimit: `"${policy}";r=${remaining};t=${secondsUntilReset(state)}`,
  };
}

/** Rounded up: who waits this long does not come too early. */
export function secondsUntilReset({ resetsInMs }: Pick<RateLimitState, 'resetsInMs'>): number {
  return Math.max(1, Math.ceil(resetsInMs / 1_000));
}

/** A backend that was told the value may have put it there already. */
function prepend(headers: Record<string, string>, name: string, value: string): void {
  const known = headers[name];
  if (known === value || known?.startsWith(`${value}, `)) return;
  headers[name] = known === undefined ? value : `${value}, ${known}`;
}
