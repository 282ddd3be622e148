import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeJwt } from 'jose';
import * as z from 'zod';
import { testAccountLimits } from '../testing/embedded.ts';
import { createSupabaseApp, principalIn, type SupabaseApp } from '../../../../tests/support/supabase-app.ts';

const password = 'correct horse';
const next = 'battery staple';

let app: SupabaseApp;
beforeAll(async () => {
  app = await createSupabaseApp();
});
afterAll(async () => await app.close());

const sessionsOf = (userId: string) => [...app.gotrue.sessions].filter((session) => session.userId === userId);
const post = async (path: string, body: object) => await app.call('POST', `auth/${path}`, body);

/** When the edge was told that all tokens of this user are over, in seconds. */
async function endedAt(userId: string): Promise<number> {
  const query = `select floor(extract(epoch from created_at))::int as at from revocations where kind = 'user' and subject_id = $1`;
  const [row] = await app.rows(query, [userId]);
  return z.object({ at: z.int() }).parse(row).at;
}

describe('a password forgotten at Supabase', () => {
  it('is replaced with the code that Supabase sent; all sessions end, there and for the edge', async () => {
    const user = app.gotrue.addUser('forgot@example.org', password);
    await app.logIn(user.email, password);
    expect((await post('forgot-password', { email: user.email })).status).toBe(200);
    const body = { email: user.email, token: user.recovery ?? '', password: next };
    expect(body.token).toHaveLength(6);
    expect((await post('reset-password', body)).status).toBe(200);
    expect(sessionsOf(user.id)).toEqual([]);
    const { session } = await app.logIn(user.email, next);
    expect(decodeJwt(session.access_token).iat).toBeGreaterThan(await endedAt(user.id));
    expect((await post('login', { email: user.email, password })).status).toBe(401);
    expect((await post('reset-password', body)).status).toBe(400);
    const audit = await app.rows(`select from audit_log where user_id = $1 and action = 'user.password_reset'`, [
      user.id,
    ]);
    expect(audit).toHaveLength(1);
  });

  it('is answered alike for every address and every limit of Supabase', async () => {
    app.gotrue.addUser('known@example.org', password);
    const texts = [];
    for (const email of ['known@example.org', 'nobody@example.org', 'limited@example.org']) {
      const body = JSON.stringify({
        code: 429,
        error_code: 'over_email_send_rate_limit',
        msg: 'only after 60 seconds',
      });
      if (email.startsWith('limited')) app.gotrue.next({ kind: 'answer', status: 429, body });
      texts.push((await post('forgot-password', { email })).text);
    }
    expect(new Set(texts).size).toBe(1);
  });

  it('stays what it is where the new one is too weak, and no session is left behind', async () => {
    const user = app.gotrue.addUser('weak@example.org', password);
    await post('forgot-password', { email: user.email });
    const answer = await post('reset-password', {
      email: user.email,
      token: user.recovery ?? '',
      password: 'too weak',
    });
    expect(answer.status).toBe(422);
    expect(answer.json()).toMatchObject({ errors: [{ path: 'password' }] });
    expect(user.password).toBe(password);
    expect(sessionsOf(user.id)).toEqual([]);
  });

  it('has a code that cannot be guessed', async () => {
    const logInByBoth = { attempts: 3, windowSeconds: 900 };
    const tight = await createSupabaseApp({ limits: testAccountLimits({ logInByBoth }) });
    const user = tight.gotrue.addUser('guessed@example.org', password);
    await tight.call('POST', 'auth/forgot-password', { email: user.email });
    const statuses = [];
    for (const token of ['1', '2', '3', user.recovery ?? '']) {
      const body = { email: user.email, token, password: next };
      statuses.push((await tight.call('POST', 'auth/reset-password', body)).status);
    }
    expect(statuses).toEqual([400, 400, 400, 429]);
    await tight.close();
  });
});

describe('a password changed at Supabase', () => {
  it('needs the one before; all sessions end, and the new one is younger than what was revoked', async () => {
    const user = app.gotrue.addUser('change@example.org', password);
    const [mine, other] = [await app.logIn(user.email, password), await app.logIn(user.email, password)];
    const change = async (current_password: string) =>
      await app.call(
        'POST',
        'auth/change-password',
        { current_password, new_password: next },
        principalIn(mine.session.access_token),
      );
    const wrong = await change('wrong horse');
    expect(wrong.status).toBe(422);
    expect(wrong.json()).toMatchObject({ errors: [{ path: 'current_password' }] });
    const answer = await change(password);
    expect(answer.status).toBe(200);
    expect(user.password).toBe(next);
    expect(sessionsOf(user.id)).toHaveLength(1);
    expect((await post('refresh', { refresh_token: other.session.refresh_token })).status).toBe(401);
    const token = /"access_token":"([^"]+)"/.exec(answer.text)?.[1] ?? '';
    expect(decodeJwt(token).iat).toBeGreaterThan(await endedAt(user.id));
  });
});
