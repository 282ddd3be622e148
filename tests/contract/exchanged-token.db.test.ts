import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import { createTestVerifier, ownKeysUrl, type TestVerifier } from '../../edge-gateway/src/auth/test-tokens.ts';
import { startManagement, type Call, type Management } from '../support/auth-management.ts';

const TokenSchema = z.object({ access_token: z.string() });

let gaia: Management;
let owner: Call;
let edge: TestVerifier;

beforeAll(async () => {
  gaia = await startManagement();
  owner = gaia.session(await gaia.addUser());
  edge = createTestVerifier([]);
  edge.clock.ms = Date.now();
  const jwks = await gaia.as({ kind: 'anonymous' })('GET', '/.well-known/jwks.json');
  edge.served[ownKeysUrl] = () => Response.json(jwks.body);
});
afterAll(async () => await gaia.close());

/** What the edge believes of a key, and of a token that the key was exchanged for. */
async function believed(
  body: object,
): Promise<{ ofKey: ResolvedKey | null; ofToken: Awaited<ReturnType<TestVerifier['callerOf']>> }> {
  const { key } = await gaia.createKey(owner, { scopes: ['chat:write'], ...body });
  const answer = await (await gaia.keyHolder(key))('POST', '/api/v1/auth/token', {});
  const token = TokenSchema.parse(answer.body).access_token;
  return { ofKey: await gaia.resolve(key), ofToken: await edge.callerOf(token) };
}

describe('a token that a key was exchanged for', () => {
  it.each([
    ['without any limit', {}],
    [
      'with all there are',
      {
        limits: { rpm: 5, tpm: 100, concurrency: 2, budget: { usd: 1, window: 'day' } },
        allowed_models: ['openai/*', 'claude-sonnet-4-6'],
        allowed_origins: ['https://game.example'],
        allowed_ips: ['10.0.0.0/8', '2001:db8::/32'],
      },
    ],
    ['with lists that allow nothing', { allowed_models: [], allowed_origins: [], allowed_ips: [] }],
  ])('is the key to the edge and to all behind it, %s', async (_what, body) => {
    const { ofKey, ofToken } = await believed(body);
    const { sessionId, ...principal } = ofToken?.principal ?? {};
    expect({ principal, restrictions: ofToken?.restrictions }).toEqual({
      principal: ofKey?.principal,
      restrictions: ofKey?.restrictions,
    });
    expect(sessionId).toMatch(/^[0-9a-f-]{36}$/);
    // Usage and budgets are counted to this.
    expect(ofToken).toMatchObject({ principal: { keyId: ofKey?.principal.keyId } });
  });
});
