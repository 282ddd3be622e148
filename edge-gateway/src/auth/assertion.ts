import { assertionRules, type ServiceName } from '#shared/identity/assertion.ts';
import type { AssertionSigner } from '#shared/identity/assertion-sign.ts';
import type { Principal } from '#shared/identity/principal.ts';

/** Gives a signed assertion of a principal for one backend, made afresh at most twice a minute. */
export type Assertions = (principal: Principal, audience: ServiceName) => Promise<string>;

const cacheLimit = 10_000;

/** Signing costs ten times what the rest of a request does, so one assertion serves a caller for half its life. */
export function createAssertions(sign: AssertionSigner, now: () => number = Date.now): Assertions {
  const made = new Map<string, { token: string; until: number }>();
  return async (principal, audience) => {
    const key = `${audience} ${JSON.stringify(principal)}`;
    const known = made.get(key);
    if (known && known.until > now()) return known.token;
    const token = await sign(principal, audience);
    if (made.size >= cacheLimit) made.clear();
    made.set(key, { token, until: now() + assertionRules.reuseSeconds * 1000 });
    return token;
  };
}
