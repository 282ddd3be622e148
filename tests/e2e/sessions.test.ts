import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { startTestStack, type TestStack } from '../support/stack.ts';

const SignedIn = z.object({
  user: z.object({ id: z.uuid(), email: z.string() }),
  session: z.object({ access_token: z.string(), refresh_token: z.string() }),
});

const mails = await mkdtemp(join(tmpdir(), 'gaia-mails-'));
let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ extraEnv: { auth: { MAIL_DIRECTORY: mails } } });
});
afterAll(async () => {
  await stack.stop();
  await rm(mails, { recursive: true });
});

describe('a session', () => {
  it('begins with registering, works through the gateway, and is refused within five seconds of logging out', async () => {
    const credentials = { email: 'e2e@example.org', password: 'correct horse' };
    const registered = await post('/api/v1/auth/register', credentials);
    expect(registered.status).toBe(201);
    await vi.waitUntil(async () => (await readdir(mails)).length === 1);
    const loggedIn = SignedIn.parse(await (await post('/api/v0.3/auth/login', credentials)).json());
    const refresh_token = loggedIn.session.refresh_token;
    const { session, user } = SignedIn.parse(await (await post('/api/v0.3/auth/refresh', { refresh_token })).json());
    const me = await get('/api/v1/auth/me', session.access_token);
    expect(await me.json()).toMatchObject({ id: user.id, email: credentials.email });
    const out = await post('/api/v1/auth/logout', undefined, session.access_token);
    expect(out.status).toBe(204);
    const endedAt = performance.now();
    while ((await get('/api/v1/auth/me', session.access_token)).status === 200) {
      expect(performance.now() - endedAt).toBeLessThan(5_000);
    }
    expect((await get('/api/v1/auth/me', session.access_token)).status).toBe(401);
    expect((await post('/api/v1/auth/refresh', { refresh_token })).status).toBe(401);
  });
});

async function post(path: string, body?: object, token?: string): Promise<Response> {
  return await fetch(`${stack.gatewayUrl}${path}`, {
    method: 'POST',
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
}

async function get(path: string, token: string): Promise<Response> {
  return await fetch(`${stack.gatewayUrl}${path}`, { headers: { authorization: `Bearer ${token}` } });
}
