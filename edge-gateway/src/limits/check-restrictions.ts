import { AppError } from '#shared/http/error.ts';
import type { Restrictions } from '#shared/identity/resolved-key.ts';
import type { HeaderLookup } from '../header-lookup.ts';
import { isInRange, parseIpAddress, parseIpRange } from './ip-address.ts';

/**
 * Refuses a good key that is used from where it may not be. An origin or address that is absent or cannot be known
 * is not an allowed one. The origin binds browsers only, since other programs send what they like: it keeps a key
 * that ships in a web page from working in somebody else's page.
 */
export function checkRestrictions(
  { allowedOrigins, allowedIps }: Restrictions,
  headers: HeaderLookup,
  address: () => string | null,
): void {
  if (allowedOrigins !== null && !allowedOrigins.includes(headers.get('origin') ?? '')) {
    throw new AppError('origin_not_allowed', 'This key may not be used from this origin');
  }
  if (allowedIps !== null && !isAllowedAddress(allowedIps, address())) {
    throw new AppError('address_not_allowed', 'This key may not be used from this address');
  }
}

/** An entry that is no range matches nothing, never everything. */
export function isAllowedAddress(allowedIps: readonly string[], text: string | null): boolean {
  const address = text === null ? null : parseIpAddress(text);
  if (!address) return false;
  return allowedIps.some((entry) => {
    const range = parseIpRange(entry);
    return range !== null && isInRange(address, range);
  });
}
