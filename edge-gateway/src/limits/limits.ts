import { AppError } from '#shared/http/error.ts';
import type { Principal, UserPrincipal } from '#shared/identity/principal.ts';
import type { Restrictions } from '#shared/identity/resolved-key.ts';
import { checkRestrictions } from './check-restrictions.ts';
import { clientAddress, type AddressedRequest } from './client-address.ts';
import { createFloodGuard, floodWindowMs, type FloodBinding } from './flood-guard.ts';
import { floodNameOf, floodNameOfPeer } from './flood-name.ts';
import { secondsUntilReset, type RateLimitState } from './rate-limit.ts';
import type { RpmDecision } from './held-leases.ts';
import { createRpmLeases, type LeaseSource } from './rpm-leases.ts';
import { rpmWindowMs } from './rpm-window.ts';

/** Where limits leave what they found: what the answer has to say, and where the request came from. */
export type LimitedRequest = AddressedRequest & {
  rateLimit: RateLimitState | undefined;
  /** Undefined until somebody asked; null where it cannot be known. */
  address: string | null | undefined;
};

/** What refuses a request for its number or its place. Undefined where there was nothing to wait for. */
export type Limits = {
  /** Before authentication: throws `rate_limited` for an address that floods. */
  byAddress: (request: LimitedRequest) => Promise<void> | undefined;
  /** After it: throws `rate_limited` for a key (or session's user) that floods, or is over its own `rpm`. */
  byKey: (request: LimitedRequest, principal: Principal) => Promise<void> | undefined;
  /** Throws `origin_not_allowed` or `address_not_allowed`. */
  checkRestrictions: (request: LimitedRequest, restrictions: Restrictions) => void;
};

export type LimitsOptions = {
  /** Requests in ten seconds, of one address and of one key. */
  floodLimits: { address: number; key: number };
  floodBindings: { address: FloodBinding | undefined; key: FloodBinding | undefined };
  /** Its name in whatever case. */
  trustedAddressHeader: string | undefined;
  ask: LeaseSource;
  seed: number;
  now?: () => number;
};

export function createLimits({
  floodLimits,
  floodBindings,
  trustedAddressHeader,
  ask,
  seed,
  now,
}: LimitsOptions): Limits {
  const clock = now ?? Date.now;
  const guards = {
    address: createFloodGuard({ limit: floodLimits.address, binding: floodBindings.address, seed, now: clock }),
    key: createFloodGuard({ limit: floodLimits.key, binding: floodBindings.key, seed: ~seed, now: clock }),
  };
  const trustedHeader = trustedAddressHeader?.toLowerCase();
  const leases = createRpmLeases({ ask, now: clock });
  const addressOf = (request: LimitedRequest): string | null => {
    if (request.address === undefined) request.address = clientAddress(request, trustedHeader);
    return request.address;
  };
  const nameOf = trustedHeader === undefined ? floodNameOfPeer : floodNameOf;

  const guard = (policy: 'address' | 'key', name: string, request: LimitedRequest): Promise<void> | undefined => {
    const flooding = guards[policy].isFlooding(name);
    const state: RateLimitState = {
      policy,
      limit: floodLimits[policy],
      windowMs: floodWindowMs,
      remaining: 0,
      resetsInMs: floodWindowMs,
    };
    if (flooding === true) throw refused(request, state);
    return flooding === false ? undefined : refuseWhen(flooding, () => refused(request, state));
  };

  const countRpm = (request: LimitedRequest, key: string, limit: number): Promise<void> | undefined => {
    const decision = leases.take(key, limit);
    if (!('admitted' in decision)) return decision.then((decided) => heed(request, decided));
    heed(request, decision);
    return undefined;
  };

  return {
    byAddress: (request) => {
      const name = nameOf(addressOf(request));
      return name === null ? undefined : guard('address', name, request);
    },
    byKey: (request, principal) => {
      if (principal.kind !== 'user') return undefined;
      const name = limitedName(principal);
      const guarded = guard('key', name, request);
      const { rpm } = principal.limits;
      if (rpm === undefined) return guarded;
      return guarded ? guarded.then(() => countRpm(request, name, rpm)) : countRpm(request, name, rpm);
    },
    checkRestrictions: (request, restrictions) => {
      checkRestrictions(restrictions, request.headers, () => addressOf(request));
    },
  };
}

/** Keys are counted each, sessions by their user: who logs in twice has no second budget. */
function limitedName({ keyId, userId }: UserPrincipal): string {
  return keyId ?? `user:${userId}`;
}

async function refuseWhen(flooding: Promise<boolean>, refusal: () => AppError): Promise<void> {
  if (await flooding) throw refusal();
}

function heed(request: LimitedRequest, { admitted, limit, remaining, resetsInMs }: RpmDecision): void {
  const state: RateLimitState = { policy: 'rpm', limit, windowMs: rpmWindowMs, remaining, resetsInMs };
  if (!admitted) throw refused(request, state);
  request.rateLimit = state;
}

function refused(request: LimitedRequest, state: RateLimitState): AppError {
  request.rateLimit = state;
  return new AppError('rate_limited', details[state.policy], { retryAfterSeconds: secondsUntilReset(state) });
}

const details: Record<RateLimitState['policy'], string> = {
  address: 'Too many requests from this address',
  key: 'Too many requests with this credential',
  rpm: 'This key is over its requests per minute',
};
