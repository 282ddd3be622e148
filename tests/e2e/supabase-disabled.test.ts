import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { generateSigningKeys } from '../../ops/local/signing-key.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { startFakeGotrue, type FakeGotrue } from '../support/fake-gotrue.ts';
import { createNeonHttp, type NeonHttp } from '../support/neon-http.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const boundMs = 5_000;
const password = 'correct horse';

const Session = z.object({ access_token: z.string(), refresh_token: z.string() });
type Session = z.infer<typeof Session>;

let gotrue: FakeGotrue;
let stack: TestStack;
let neon: NeonHttp;
let edges: Edge[];

beforeAll(async () => {
  gotrue = await startFakeGotrue();
  const { privateKey, publicKeys } = await generateSigningKeys();
  const trust = { GATEWAY_PUBLIC_KEYS: publicKeys };
  const { url, anonKey, jwtSecret } = gotrue;
  const supabase = { SUPABASE_URL: url, SUPABASE_JWT_SECRET: jwtSecret };
  const auth = { ...trust, ...supabase, SUPABASE_ANON_KEY: anonKey };
  stack = await startTestStack({ extraEnv: { auth, chat: trust, asset: trust } });
  neon = await createNeonHttp({ url: stack.databaseUrl });
  const ports = { auth: portOf('auth'), chat: portOf('chat'), asset: portOf('asset') };
  const vars = {
    GATEWAY_SIGNING_KEY: privateKey,
    ADDRESS_FLOOD_LIMIT: '100000',
    KEY_FLOOD_LIMIT: '100000',
    ...supabase,
  };
  const byNeon = { KEY_STORE: 'neon-http', DATABASE_URL: stack.databaseUrl, NEON_HTTP_ENDPOINT: neon.endpoint };
  edges = await Promise.all([startEdge(ports, vars), startEdge(ports, { ...vars, ...byNeon })]);
});

afterAll(async () => {
  await Promise.all(edges.map(async (edge) => await edge[Symbol.asyncDispose]()));
  await neon.close();
  await stack.stop();
  await gotrue.close();
});

describe('a user of Supabase who is disabled here', () => {
  it('is refused by every gateway within 5 s, and comes back with no token that Supabase gives', async () => {
    const { id } = gotrue.addUser('disabled@example.org', password);
    let session = await loggedIn('disabled@example.org');
    expect(await statuses(session)).toEqual([200, 200]);
    await setDisabled(id, true);
    const disabledAt = performance.now();
    await vi.waitUntil(async () => (await statuses(session)).every((status) => status === 401), { timeout: boundMs });
    // One slot of the feed and more, with a token each time that is younger than anything that was revoked.
    const seen = new Set<number>();
    const isOver = async (): Promise<boolean> => {
      session = await refreshedAtSupabase(session);
      const isLate = performance.now() - disabledAt > boundMs;
      for (const status of await statuses(session)) if (isLate) seen.add(status);
      return performance.now() - disabledAt >= 17_000;
    };
    await vi.waitUntil(isOver, { timeout: 60_000 });
    expect(seen).toEqual(new Set([401]));
  }, 120_000);
});

async function loggedIn(email: string): Promise<Session> {
  const answer = await fetch(`${edges[0]?.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  return z.object({ session: Session }).parse(await answer.json()).session;
}

/** As anybody can who has the public key, which is in every page of the project. */
async function refreshedAtSupabase({ refresh_token }: Session): Promise<Session> {
  const answer = await fetch(`${gotrue.url}/auth/v1/token?grant_type=refresh_token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', apikey: gotrue.anonKey },
    body: JSON.stringify({ refresh_token }),
  });
  return Session.parse(await answer.json());
}

async function statuses({ access_token }: Session): Promise<number[]> {
  const headers = { authorization: `Bearer ${access_token}` };
  return await Promise.all(
    edges.map(async ({ url }) => {
      const answer = await fetch(`${url}/v1/models`, { headers });
      await answer.arrayBuffer();
      return answer.status;
    }),
  );
}

async function setDisabled(id: string, disabled: boolean): Promise<void> {
  const answer = await fetch(`${edges[0]?.url}/api/v1/admin/users/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${stack.key}` },
    body: JSON.stringify({ disabled }),
  });
  expect(answer.status).toBe(200);
}

function portOf(service: 'auth' | 'chat' | 'asset'): number {
  return Number(new URL(stack.urls[service]).port);
}
