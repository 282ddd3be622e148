import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GotrueFault } from '../../../../tests/support/fake-gotrue.ts';
import { createSupabaseApp, principalIn, type SupabaseApp } from '../../../../tests/support/supabase-app.ts';

const email = 'somebody@example.org';
const password = 'correct horse';

let app: SupabaseApp;
beforeAll(async () => {
  app = await createSupabaseApp();
  app.gotrue.addUser(email, password);
});
afterAll(async () => await app.close());

const bodies: Record<string, object> = {
  register: { email, password },
  login: { email, password },
  refresh: { refresh_token: 'some token' },
  confirm: { token: '123456', email },
  'resend-verification': { email },
};

const answer = (status: number, body: string): GotrueFault => ({ kind: 'answer', status, body });

const outages: Record<string, GotrueFault> = {
  'hangs up': { kind: 'hang-up' },
  'says nothing': { kind: 'silence' },
  'fails with a page': answer(502, '<html>Bad gateway</html>'),
  'fails with JSON': answer(500, '{"code":500,"error_code":"unexpected_failure","msg":"secret detail"}'),
  'does not know our key': answer(401, '{"message":"Invalid API key","hint":"secret detail"}'),
  'points elsewhere': { kind: 'answer', status: 302, body: '', headers: { location: 'http://169.254.169.254/' } },
  'never ends': answer(400, `"${'x'.repeat(300_000)}"`),
};

describe('while Supabase', () => {
  for (const [what, fault] of Object.entries(outages)) {
    it(`${what}, every route of accounts is 503 with Retry-After and without its words`, async () => {
      const answers = Object.entries(bodies).map(async ([route, body]) => {
        app.gotrue.next(fault);
        const { status, headers, text } = await app.call('POST', `auth/${route}`, body);
        expect([route, status, headers.get('retry-after')]).toEqual([route, 503, '5']);
        expect(text).not.toMatch(/secret detail|html|Invalid API key/);
      });
      await Promise.all(answers);
    });
  }

  it('answers with something that is no session, nobody is logged in', async () => {
    for (const body of ['{}', '[]', 'null', '<html>', '{"access_token":"a","refresh_token":"b","expires_in":1}']) {
      app.gotrue.next(answer(200, body));
      expect((await app.call('POST', 'auth/login', { email, password })).status).toBe(503);
    }
  });

  it('asks us to slow down, callers hear for how long, and absurd times count as none', async () => {
    const said = [];
    for (const after of ['17', '-1', '9'.repeat(30), 'Thu, 01 Jan 2026 00:00:00 GMT']) {
      const body = '{"code":429,"error_code":"over_request_rate_limit","msg":"Request rate limit reached"}';
      app.gotrue.next({ kind: 'answer', status: 429, body, headers: { 'retry-after': after } });
      const { status, headers } = await app.call('POST', 'auth/login', { email, password });
      said.push([status, headers.get('retry-after')]);
    }
    expect(said).toEqual([
      [429, '17'],
      [429, '60'],
      [429, '60'],
      [429, '60'],
    ]);
  });

  it('is an older version, its errors are understood all the same', async () => {
    app.gotrue.next(answer(400, '{"error":"invalid_grant","error_description":"Invalid login credentials"}'));
    expect((await app.call('POST', 'auth/login', { email, password })).status).toBe(401);
    app.gotrue.next(answer(400, '{"code":400,"msg":"User already registered"}'));
    expect((await app.call('POST', 'auth/register', { email, password })).status).toBe(202);
    app.gotrue.next(answer(401, '{"code":401,"msg":"Token has expired or is invalid"}'));
    expect((await app.call('POST', 'auth/confirm', { token: '1', email })).status).toBe(400);
  });

  it('is away, sessions that exist go on here', async () => {
    const away = await createSupabaseApp({ url: 'http://127.0.0.1:1', jwtSecret: null });
    const principal = principalIn(await app.gotrue.tokenFor({ userId: randomUUID(), sessionId: randomUUID() }));
    expect((await away.call('GET', 'auth/me', undefined, principal)).status).toBe(200);
    expect((await away.call('POST', 'keys', { name: 'mine' }, principal)).status).toBe(201);
    expect((await away.call('POST', 'auth/logout', undefined, principal)).status).toBe(204);
    expect((await away.call('POST', 'auth/refresh', { refresh_token: 'some token' })).status).toBe(503);
    await away.close();
  });

  it('works again, so do we, and nothing of a password or token is in the log', async () => {
    const { session } = await app.logIn(email, password);
    const log = app.logLines.join('\n');
    for (const secret of [password, session.access_token, session.refresh_token, app.gotrue.anonKey, email]) {
      expect(log).not.toContain(secret);
    }
    expect(log).toContain('Supabase cannot be reached');
  });
});
