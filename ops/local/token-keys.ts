import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import * as z from 'zod';
import { parsedJson } from '#shared/json.ts';
import { OpsError } from '../command.ts';
import { readIfThere, writePrivateFile } from './private-file.ts';

const JwksSchema = z.object({ keys: z.array(z.looseObject({ kid: z.string(), d: z.string() })).min(1) });

/**
 * TOKEN_SIGNING_KEYS as made first: the first key signs, the second is published already, so that everybody knows it
 * long before a rotation lets it sign.
 */
export async function generateTokenKeys(): Promise<string> {
  return JSON.stringify({ keys: [await newKey(), await newKey()] });
}

/**
 * The next generation: the key that was published in advance signs, a fresh one is published in advance, and the one
 * that signed until now stays to verify what it signed. Rotate twice within an access token's life only when a key is
 * lost: the oldest one goes, and its tokens with it.
 */
export async function rotateTokenKeys(text: string): Promise<string> {
  const known = JwksSchema.safeParse(parsedJson(text));
  if (!known.success) throw new OpsError('TOKEN_SIGNING_KEYS is no JWKS document of private keys.');
  const [signing, next = await newKey()] = known.data.keys;
  return JSON.stringify({ keys: [next, await newKey(), signing] });
}

/** The keys of a state directory, made there once. */
export async function tokenKeysOf(directory: string): Promise<string> {
  const path = join(directory, 'token-signing-keys.json');
  const known = await readIfThere(path);
  if (known !== null && JwksSchema.safeParse(parsedJson(known)).success) return known;
  const fresh = await generateTokenKeys();
  await writePrivateFile(path, fresh);
  return fresh;
}

async function newKey(): Promise<object> {
  const { privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, kid: await calculateJwkThumbprint(jwk) };
}
