import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { getTokenKeys } from '#shared/contracts/token-keys.ts';
import { contractVersion } from '#shared/contract-version.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { createServiceApp } from '#shared/service/create-service-app.ts';
import { createHealthReporter } from '#shared/service/health.ts';
import { createTestIdentity } from '../../../../tests/support/assertions.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { ConfigSchema } from '../config.ts';
import { getTokenKeysRoute } from '../routes/get-token-keys.ts';
import { readSigningKeys } from './signing-keys.ts';

const [ed25519, p256] = [await privateJwk('Ed25519', 'one'), await privateJwk('ES256', 'two')];
const other = await privateJwk('ES256', 'three');
const identity = await createTestIdentity();
const Jwks = z.object({ keys: z.array(z.record(z.string(), z.unknown())) });
const { TOKEN_SIGNING_KEYS } = ConfigSchema.shape;

describe('GET /.well-known/jwks.json', () => {
  it('gives the public halves, and with them what was signed can be verified', async () => {
    const keys = readSigningKeys(JSON.stringify({ keys: [ed25519, p256] }));
    const answer = await jwksOf(keys);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const text = await answer.text();
    for (const secret of [ed25519.d, p256.d]) expect(text).not.toContain(secret);
    const document = Jwks.parse(JSON.parse(text));
    expect(getTokenKeys.answers[200]?.schema?.safeParse(document).success).toBe(true);
    for (const { kid, algorithm, privateKey } of keys) {
      const token = await new SignJWT({}).setProtectedHeader({ alg: algorithm, kid }).sign(privateKey);
      await expect(jwtVerify(token, createLocalJWKSet(document))).resolves.toBeDefined();
    }
  });

  it('gives an empty set where no tokens are issued', async () => {
    expect(await (await jwksOf([])).json()).toEqual({ keys: [] });
  });
});

describe('TOKEN_SIGNING_KEYS', () => {
  it('may be left out', () => {
    expect(TOKEN_SIGNING_KEYS.parse(undefined)).toEqual([]);
  });

  it.each([
    ['no JSON', 'hush-hush'],
    ['a single key', JSON.stringify(ed25519)],
    ['a public key', JSON.stringify({ keys: [{ ...ed25519, d: undefined }] })],
    ['a key without an id', JSON.stringify({ keys: [{ ...ed25519, kid: undefined }] })],
    ['two keys of one id', JSON.stringify({ keys: [ed25519, { ...p256, kid: 'one' }] })],
    ['a shared secret', JSON.stringify({ keys: [{ kty: 'oct', k: 'aHVzaC1odXNo', kid: 'x' }] })],
    ['a key whose halves do not fit', JSON.stringify({ keys: [{ ...p256, d: other.d }] })],
    ['a key of a zero', JSON.stringify({ keys: [{ ...p256, d: 'AA' }] })],
  ])('may not be %s, and the complaint does not repeat it', (_what, text) => {
    const result = TOKEN_SIGNING_KEYS.safeParse(text);
    expect(result.error?.issues.map(({ message }) => message)).toEqual([
      'must be a JWKS document of private Ed25519 or P-256 keys',
    ]);
    expect(JSON.stringify(result.error)).not.toContain(ed25519.d);
  });
});

async function jwksOf(signingKeys: ReturnType<typeof readSigningKeys>): Promise<Response> {
  const app = createServiceApp({
    service: 'auth',
    contracts: [getTokenKeys],
    log: silentLog,
    build: { version: '1.0.0', commit: 'test', contract: contractVersion },
    health: createHealthReporter({ environment: 'local', pingDatabase: async () => {}, natsStatus: () => 'disabled' }),
    verifyAssertion: createAssertionVerifier(identity.publicKeys, 'auth'),
  });
  getTokenKeysRoute(app, signingKeys);
  const headers = await identity.headers({ kind: 'anonymous' }, 'auth');
  return await app.request('/.well-known/jwks.json', { headers });
}

async function privateJwk(algorithm: string, kid: string) {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  return { ...(await exportJWK(privateKey)), kid };
}
