import { AppError } from '#shared/http/error.ts';
import type { HeaderLookup } from '../header-lookup.ts';

const name = 'x-gaia-hop';

/** On everything the gateway sends without a caller's credential, which alone could travel in a circle. */
export const hopHeaders = { [name]: '1' } as const;

/** A backend URL that points at the gateway itself must end in an error, not in an endless chain of requests. */
export function refuseOwnRequest(headers: HeaderLookup): void {
  if (headers.has(name)) throw new AppError('upstream_failed', 'The gateway is configured as its own backend');
}
