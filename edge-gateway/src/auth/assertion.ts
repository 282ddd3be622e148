import { assertionRules, type ServiceName } from '#shared/identity/assertion.ts';
import type { AssertionSigner } from '#shared/identity/assertion-sign.ts';
import type { Principal } from '#shared/identity/principal.ts';

/**
 * Gives a signed assertion of a principal for one backend, made afresh at most twice a minute. Not a promise while the
 * last one serves.
 */
export type Assertions = (principal: Principal, audience: ServiceName) => string | Promise<string>;

type Made = { token: string; until: number };
type MadeFor = Partial<Record<ServiceName, Made>>;

/**
 * Signing costs ten times what the rest of a request does, so one assertion serves a caller for half its life. It hangs
 * on the principal object, which the caches of keys and tokens hand out again and again, and goes when they forget it.
 */
export function createAssertions(sign: AssertionSigner, now: () => number = Date.now): Assertions {
  const made = new WeakMap<Principal, MadeFor>();
  const make = async (principal: Principal, audience: ServiceName): Promise<string> => {
    const until = now() + assertionRules.reuseSeconds * 1_000;
    const token = await sign(principal, audience);
    made.set(principal, { ...made.get(principal), [audience]: { token, until } });
    return token;
  };
  return (principal, audience) => {
    const known = made.get(principal)?.[audience];
    return known && known.until > now() ? known.token : make(principal, audience);
  };
}
