import type { CryptoKey } from 'jose';
import type { Algorithm } from './token-text.ts';

export type VerificationKey = CryptoKey | Uint8Array;

/** Until when (in milliseconds) what was verified with a key may be believed without asking for the key again. */
export type TrustedKey = { key: VerificationKey; trustedUntil: number };

/** Where an issuer's keys of one algorithm come from. Null: it has no such key. Rejects when that cannot be known. */
export type KeySource = (kid: string | undefined, algorithm: Algorithm) => Promise<TrustedKey | null>;

/** The one secret of an issuer that signs with HMAC, whatever it calls it. */
export function sharedSecret(secret: string): KeySource {
  const key = new TextEncoder().encode(secret);
  return async () => ({ key, trustedUntil: Infinity });
}
