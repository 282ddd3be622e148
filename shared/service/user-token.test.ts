import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { contractVersion } from '../contract-version.ts';
import { headerNames } from '../http/headers.ts';
import { createAssertionSigner } from '../identity/assertion-sign.ts';
import { createAssertionVerifier } from '../identity/assertion-verify.ts';
import { createLogger } from '../log.ts';
import { createServiceApp } from './create-service-app.ts';
import { createHealthReporter } from './health.ts';

const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
const kid = 'gateway-1';
const app = createServiceApp({
  service: 'chat',
  log: createLogger({ service: 'chat', level: 'error', write: () => undefined }),
  build: { version: '1.0.0', commit: 'test', contract: contractVersion },
  health: createHealthReporter({ environment: 'local', pingDatabase: async () => {}, natsStatus: () => 'disabled' }),
  verifyAssertion: createAssertionVerifier({ keys: [{ ...(await exportJWK(publicKey)), kid }] }, 'chat'),
  contracts: [],
});
app.get('/v1/probe', (c) => c.json({}));

const userToken = await new SignJWT({ scopes: ['admin'], principal: { kind: 'gateway' } })
  .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'JWT' })
  .setIssuer('gaia')
  .setAudience('gaia')
  .setSubject('0b7ee0c4-6e0c-4e3a-9f51-0d3c7a6b2f10')
  .setIssuedAt()
  .setExpirationTime('60s')
  .sign(privateKey);

describe("a user's token at a backend", () => {
  it.each([
    ['where the assertion belongs', { [headerNames.assertion]: userToken }],
    ['as a bearer', { authorization: `Bearer ${userToken}` }],
    ['in both places', { [headerNames.assertion]: userToken, authorization: `Bearer ${userToken}` }],
  ])('is worthless %s, even if the key of assertions had signed it', async (_where, headers) => {
    expect((await probe(headers)).status).toBe(401);
  });

  it('is not what an assertion is: that passes', async () => {
    const sign = createAssertionSigner({ ...(await exportJWK(privateKey)), kid });
    const assertion = await sign({ kind: 'anonymous' }, 'chat');
    expect((await probe({ [headerNames.assertion]: assertion })).status).toBe(200);
  });
});

async function probe(headers: Record<string, string>): Promise<Response> {
  return await app.request('/v1/probe', { headers: { [headerNames.contract]: String(contractVersion), ...headers } });
}
