import { describe, expect, it } from 'vitest';
import { createApiKey } from '#shared/identity/api-key.ts';
import { principalSent, testGateway } from '../test-gateway.ts';
import { createSigner, createTestVerifier, ownKeysUrl, tokenOf, userId } from './test-tokens.ts';

const signer = await createSigner('EdDSA', 'own-1');
const foreign = await createSigner('EdDSA', 'own-1');

async function tokenGateway() {
  const verifier = createTestVerifier([signer]);
  const gateway = await testGateway({ verify: verifier.callerOf });
  const ask = (token: string, headers = {}) =>
    gateway.request('/v1/models', {
      headers: { authorization: `Bearer ${token}`, 'x-request-id': 'same-request-id', ...headers },
    });
  return { verifier, gateway, ask };
}

describe('a request with a token', () => {
  it('reaches its backend as the user, and the token stays here', async () => {
    const { verifier, gateway, ask } = await tokenGateway();
    const token = await signer.sign(verifier.ownClaims({ sid: 'session-1' }));
    expect((await ask(token)).status).toBe(200);
    const [request] = gateway.sent;
    const sender = { kind: 'user', userId, keyId: null, sessionId: 'session-1', limits: {} };
    expect(principalSent(request)).toEqual({ ...sender, scopes: ['chat:write'] });
    expect(JSON.stringify([...(request?.headers ?? [])])).not.toContain(token);
    expect(gateway.logLines.join('\n')).not.toContain(token);
  });

  it('is refused like one with a bad key, whatever is wrong with its token', async () => {
    const { verifier, gateway, ask } = await tokenGateway();
    const { ownClaims, clock } = verifier;
    const expired = await signer.sign(ownClaims({ iat: clock.ms / 1_000 - 600, exp: clock.ms / 1_000 - 60 }));
    const answers = [await ask('short')];
    for (const token of [
      expired,
      await foreign.sign(ownClaims()),
      tokenOf({ alg: 'none' }, ownClaims(), ''),
      'eyJ..',
    ]) {
      answers.push(await ask(token));
    }
    for (const answer of answers) expect(answer.status).toBe(401);
    expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1);
    expect(gateway.sent).toHaveLength(0);
  });

  it('says 503 with Retry-After, never 401, while nobody can tell', async () => {
    const { verifier, ask } = await tokenGateway();
    verifier.served[ownKeysUrl] = () => new Response(null, { status: 503 });
    const answer = await ask(await signer.sign(verifier.ownClaims()));
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('is refused from where the key that it was exchanged for may not be used', async () => {
    const { verifier, gateway, ask } = await tokenGateway();
    const fenced = { key_id: userId, allowed_origins: ['https://game.example'], allowed_models: ['openai/*'] };
    const token = await signer.sign(verifier.ownClaims(fenced));
    for (const headers of [{}, { origin: 'https://elsewhere.example' }]) {
      const answer = await ask(token, headers);
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ code: 'origin_not_allowed' });
    }
    expect(gateway.sent).toHaveLength(0);
    expect((await ask(token, { origin: 'https://game.example' })).status).toBe(200);
    expect(principalSent(gateway.sent[0])).toMatchObject({ keyId: userId, allowedModels: ['openai/*'] });
    const nowhere = await signer.sign(verifier.ownClaims({ key_id: userId, allowed_ips: [] }));
    expect(await (await ask(nowhere)).json()).toMatchObject({ code: 'address_not_allowed' });
  });

  it('is refused where its key belongs to somebody else', async () => {
    const { verifier, gateway, ask } = await tokenGateway();
    const { key } = await createApiKey('dev');
    const answer = await ask(await signer.sign(verifier.ownClaims()), { 'x-api-key': key });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'conflicting_credentials' });
    expect(gateway.sent).toHaveLength(0);
  });
});
