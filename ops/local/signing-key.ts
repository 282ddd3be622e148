import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import * as z from 'zod';
import { parsedJson } from '#shared/json.ts';
import { readIfThere, writePrivateFile } from './private-file.ts';

/** The gateway's key pair as the two texts that the two sides are configured with. */
export type SigningKeys = {
  /** GATEWAY_SIGNING_KEY: a private Ed25519 JWK. */
  privateKey: string;
  /** GATEWAY_PUBLIC_KEYS: a JWKS document with its public half. */
  publicKeys: string;
};

const PrivateJwk = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
  kid: z.string(),
});

export async function generateSigningKeys(): Promise<SigningKeys> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const privateText = JSON.stringify({ ...jwk, kid: await calculateJwkThumbprint(jwk) });
  const publicKeys = publicKeysOf(privateText);
  if (publicKeys === null) throw new Error('the platform made a key of another shape');
  return { privateKey: privateText, publicKeys };
}

/** The keys of a state directory, made there once. */
export async function signingKeysOf(directory: string): Promise<SigningKeys> {
  const path = join(directory, 'gateway-signing-key.json');
  const privateKey = await readIfThere(path);
  const publicKeys = publicKeysOf(privateKey ?? '');
  if (privateKey !== null && publicKeys !== null) return { privateKey, publicKeys };
  const fresh = await generateSigningKeys();
  await writePrivateFile(path, fresh.privateKey);
  return fresh;
}

/** The public half of a private key, or null for a text that is no private Ed25519 JWK with a kid. */
export function publicKeysOf(privateKey: string): string | null {
  const jwk = PrivateJwk.safeParse(parsedJson(privateKey));
  if (!jwk.success) return null;
  const { kty, crv, x, kid } = jwk.data;
  return JSON.stringify({ keys: [{ kty, crv, x, kid, alg: 'EdDSA', use: 'sig' }] });
}
