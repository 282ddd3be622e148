import { importJWK } from 'jose';
import * as z from 'zod/mini';
import { parseStrictJson } from '#shared/http/strict-json.ts';
import type { VerificationKey } from './token-keys.ts';
import type { Algorithm } from './token-text.ts';

const maxBytes = 65_536;
const maxKeys = 32;

/** Keys by their algorithm and id, see `keyName`. */
export type Keys = ReadonlyMap<string, VerificationKey>;

const named = { kid: z.string().check(z.minLength(1), z.maxLength(256)), use: z.exactOptional(z.literal('sig')) };

/** The public keys we can use. A shared secret (`oct`) is not among them, and private members are dropped. */
const PublicKeySchema = z.discriminatedUnion('kty', [
  z.object({
    ...named,
    kty: z.literal('EC'),
    alg: z.exactOptional(z.literal('ES256')),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
  }),
  z.object({
    ...named,
    kty: z.literal('OKP'),
    alg: z.exactOptional(z.enum(['EdDSA', 'Ed25519'])),
    crv: z.literal('Ed25519'),
    x: z.string(),
  }),
  z.object({
    ...named,
    kty: z.literal('RSA'),
    alg: z.exactOptional(z.literal('RS256')),
    // 2,048 to 4,096 bits: less is weak, and more would make every bad token expensive.
    n: z.string().check(z.minLength(342), z.maxLength(683)),
    e: z.literal('AQAB'),
  }),
]);

const algorithmOf = { EC: 'ES256', OKP: 'EdDSA', RSA: 'RS256' } as const;

const JwksSchema = z.object({ keys: z.array(z.unknown()).check(z.maxLength(maxKeys)) });

/** A key never serves another algorithm than its own. */
export function keyName(algorithm: Algorithm, kid: string): string {
  return `${algorithm} ${kid}`;
}

/** The usable keys of a JWKS document. Throws where it is none; keys of other kinds in it are left out. */
export async function readJwks(answer: Response): Promise<Keys> {
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new Error(`the key server answered ${answer.status}`);
  }
  const { keys } = JwksSchema.parse(parseStrictJson(await readAtMost(answer, maxBytes)));
  const usable = await Promise.all(keys.map(importedKey));
  return new Map(usable.filter((entry) => entry !== null));
}

async function importedKey(jwk: unknown): Promise<[string, VerificationKey] | null> {
  const parsed = PublicKeySchema.safeParse(jwk);
  if (!parsed.success) return null;
  const algorithm = algorithmOf[parsed.data.kty];
  try {
    return [keyName(algorithm, parsed.data.kid), await importJWK(parsed.data, algorithm)];
  } catch {
    return null; // Not a point on its curve: one broken key must not take the others with it.
  }
}

async function readAtMost(answer: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const body: ReadableStream<Uint8Array> | null = answer.body;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > limit) throw new Error(`the key server sent more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
