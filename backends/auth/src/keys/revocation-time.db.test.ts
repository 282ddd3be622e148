import { setTimeout as sleep } from 'node:timers/promises';
import { desc, eq } from 'drizzle-orm';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { revocations } from '#shared/db/schema.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { startManagement, type Call, type Management } from '../../../../tests/support/auth-management.ts';
import { untilWaiting } from '../../../../tests/support/lock-waits.ts';
import { createKeyVault } from '../store/key-vault.ts';
import { revokedAt } from '../store/revocation-reader.ts';
import { createSigningKey } from '../testing/embedded.ts';
import { createAccessTokens, type AccessTokens } from '../tokens/access-tokens.ts';
import { exchangeKey } from './exchange-key.ts';

let gaia: Management;
let userId: string;
let owner: Call;
let keyId: string;
beforeAll(async () => {
  gaia = await startManagement();
  userId = await gaia.addUser();
  owner = gaia.session(userId);
  ({ id: keyId } = await gaia.createKey(owner, { scopes: ['chat:read'] }));
});
afterAll(async () => {
  await gaia.close();
});

it('a token that is made while its key’s revocation waits ends with the key, however long that waits', async () => {
  const tokens = tokensOf({ aheadMs: 0 });
  let change: Promise<void> | undefined;
  const slow: AccessTokens = {
    ...tokens,
    issue: async (grant) => {
      change = rename();
      await untilWaiting(gaia.url);
      await sleep(1_100);
      return await tokens.issue({ ...grant, issuedAt: Math.floor(Date.now() / 1_000) });
    },
  };
  const issuedAt = await exchanged(slow);
  await change;
  expect(await lastRevocation()).toBeGreaterThanOrEqual(issuedAt);
});

it('a token of a process whose clock is ahead ends with its key', async () => {
  const issuedAt = await exchanged(tokensOf({ aheadMs: 60_000 }));
  await rename();
  expect(await lastRevocation()).toBeGreaterThanOrEqual(issuedAt);
});

it('a token is not ended by a revocation of the second before it, however late in that second it came', async () => {
  const at = '2026-01-01T00:00:00.999Z';
  const late = { kind: 'key', subjectId: keyId, createdAt: new Date(at) } as const;
  await gaia.connection.db.insert(revocations).values(late);
  expect(await lastRevocation()).toBe(Math.floor(Date.parse(at) / 1_000));
});

it('a token of a process whose clock is behind is not ended by what happened before it', async () => {
  await rename();
  await sleep(1_000);
  expect(await exchanged(tokensOf({ aheadMs: -60_000 }))).toBeGreaterThan(await lastRevocation());
});

function tokensOf({ aheadMs }: { aheadMs: number }): AccessTokens {
  return createAccessTokens([createSigningKey('test')], () => Date.now() + aheadMs);
}

async function rename(): Promise<void> {
  expect((await owner('PATCH', `/api/v1/keys/${keyId}`, { name: 'changed' })).status).toBe(200);
}

/** The token's second. */
async function exchanged(tokens: AccessTokens): Promise<number> {
  const principal: UserPrincipal = { kind: 'user', userId, keyId, scopes: ['chat:read'], limits: {} };
  const actor = { userId, keyId, sessionId: null, requestId: null, address: null };
  const exchange = { vault: createKeyVault(gaia.connection.db), tokens, now: () => new Date() };
  const { token } = await exchangeKey(exchange, { principal, actor }, { ttl_seconds: 900 });
  return decodeJwt(token).iat ?? 0;
}

/** The second of the key's last revocation, which ends all tokens up to it. */
async function lastRevocation(): Promise<number> {
  const [last] = await gaia.connection.db
    .select({ at: revokedAt })
    .from(revocations)
    .where(eq(revocations.subjectId, keyId))
    .orderBy(desc(revocations.sequence))
    .limit(1);
  return last?.at ?? 0;
}
