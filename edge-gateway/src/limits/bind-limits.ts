import type { Config } from '../config.ts';
import type { FloodBinding } from './flood-guard.ts';
import { createLeaseSource, type LeaseNamespace } from './lease-source.ts';
import { createLimits, type Limits } from './limits.ts';

/** What the platform offers for limits. Plain workerd has none of Cloudflare's three, and a LIMITER instead. */
export type LimitBindings = {
  KEY_LIMITS?: LeaseNamespace | undefined;
  LIMITER?: Pick<Fetcher, 'fetch'> | undefined;
  ADDRESS_FLOOD?: FloodBinding | undefined;
  KEY_FLOOD?: FloodBinding | undefined;
};

type LimitsConfig = Pick<Config, 'ADDRESS_FLOOD_LIMIT' | 'KEY_FLOOD_LIMIT' | 'TRUSTED_ADDRESS_HEADER'>;

export function bindLimits(config: LimitsConfig, bindings: LimitBindings): Limits {
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  return createLimits({
    floodLimits: { address: config.ADDRESS_FLOOD_LIMIT, key: config.KEY_FLOOD_LIMIT },
    floodBindings: { address: bindings.ADDRESS_FLOOD, key: bindings.KEY_FLOOD },
    trustedAddressHeader: config.TRUSTED_ADDRESS_HEADER,
    ask: createLeaseSource({ namespace: bindings.KEY_LIMITS, limiter: bindings.LIMITER }),
    seed,
  });
}
