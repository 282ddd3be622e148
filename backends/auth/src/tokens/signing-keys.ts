import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import * as z from 'zod';

/** A key that we sign tokens with. */
export type SigningKey = { kid: string; algorithm: 'EdDSA' | 'ES256'; privateKey: KeyObject };

const named = { kid: z.string().min(1).max(256), d: z.string(), x: z.string() };
const PrivateJwksSchema = z.object({
  keys: z
    .array(
      z.discriminatedUnion('crv', [
        z.object({ ...named, kty: z.literal('OKP'), crv: z.literal('Ed25519') }),
        z.object({ ...named, kty: z.literal('EC'), crv: z.literal('P-256'), y: z.string() }),
      ]),
    )
    .refine((keys) => new Set(keys.map(({ kid }) => kid)).size === keys.length),
});

const algorithmOf = { Ed25519: 'EdDSA', 'P-256': 'ES256' } as const;

/** Reads a JWKS document of private keys. Throws, without saying what it held, where it is not one. */
export function readSigningKeys(text: string): SigningKey[] {
  return PrivateJwksSchema.parse(JSON.parse(text)).keys.map((key) => ({
    kid: key.kid,
    algorithm: algorithmOf[key.crv],
    privateKey: fitting(createPrivateKey({ key, format: 'jwk' })),
  }));
}

/** What others verify our tokens with. Made from the private keys, so that nothing private can slip through. */
export function publicKeysOf(keys: readonly SigningKey[]): { keys: object[] } {
  return {
    keys: keys.map(({ kid, algorithm, privateKey }) => ({
      ...createPublicKey(privateKey).export({ format: 'jwk' }),
      kid,
      alg: algorithm,
      use: 'sig',
    })),
  };
}

/** Node takes the public half of an EC key as it is written: one that does not fit would make every token worthless. */
function fitting(key: KeyObject): KeyObject {
  const probe = Buffer.from('probe');
  const digest = key.asymmetricKeyType === 'ec' ? 'sha256' : null;
  if (!verify(digest, probe, createPublicKey(key), sign(digest, probe, key))) throw new Error('the halves do not fit');
  return key;
}
