import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { jwtVerify } from 'jose';
import * as z from 'zod';

export type User = {
  id: string;
  email: string;
  password: string;
  confirmedAt: string | null;
  name: string | null;
  otp: string;
  /** The code of the last mail that sets a password. */
  recovery?: string;
};
export type Session = { id: string; userId: string; refreshToken: string; spent: string[] };
export type Reply = { status: number; body?: object };

export const BodySchema = z.object({
  email: z.string().default(''),
  password: z.string().default(''),
  refresh_token: z.string().default(''),
  token: z.string().default(''),
  type: z.string().default(''),
  data: z.object({ name: z.string().optional() }).default({}),
});
type Body = z.infer<typeof BodySchema>;

/** All that one fake server knows. */
export type World = {
  users: Map<string, User>;
  sessions: Set<Session>;
  /** The project's setting that lets people in whose mailbox nobody has seen. */
  autoconfirm: boolean;
  secret: Uint8Array;
  tokenFor: (claims: TokenClaims) => Promise<string>;
};

export type TokenClaims = { userId: string; sessionId: string; alg?: 'HS256' | 'ES256'; role?: string };

/** By path and query, as the documentation of GoTrue has them. */
export const gotrueRoutes: Record<string, (world: World, body: Body, bearer: string) => Promise<Reply> | Reply> = {
  '/auth/v1/signup': signUp,
  '/auth/v1/token?grant_type=password': logIn,
  '/auth/v1/token?grant_type=refresh_token': refresh,
  '/auth/v1/verify': verify,
  '/auth/v1/resend': () => ({ status: 200, body: {} }),
  '/auth/v1/recover': recover,
  'PUT /auth/v1/user': setPassword,
  '/auth/v1/logout?scope=local': (world, _, bearer) => logOut(world, bearer, (session, own) => session.id === own.id),
  '/auth/v1/logout?scope=others': (world, _, bearer) =>
    logOut(world, bearer, (session, own) => session.userId === own.userId && session.id !== own.id),
  '/auth/v1/logout?scope=global': (world, _, bearer) =>
    logOut(world, bearer, (session, own) => session.userId === own.userId),
};

export function refused(code: number, error_code: string, msg: string): Reply {
  return { status: code, body: { code, error_code, msg } };
}

async function signUp(world: World, { email, password, data }: Body): Promise<Reply> {
  const { users, autoconfirm } = world;
  if (password.length < 10) return refused(422, 'weak_password', 'Password should be at least 10 characters.');
  const address = email.toLowerCase();
  const known = users.get(address);
  if (known?.confirmedAt && autoconfirm) return refused(422, 'user_already_exists', 'User already registered');
  // Somebody it does not want to tell of: a made-up user that has no identities.
  if (known?.confirmedAt) return { status: 200, body: { ...userBody({ ...known, id: randomUUID() }), identities: [] } };
  if (known) return refused(429, 'over_email_send_rate_limit', 'you can only request this after 60 seconds.');
  const user: User = {
    id: randomUUID(),
    email: address,
    password,
    name: data.name ?? null,
    confirmedAt: autoconfirm ? new Date().toISOString() : null,
    otp: String(randomInt(100_000, 1_000_000)),
  };
  users.set(address, user);
  return autoconfirm ? await begin(world, user) : { status: 200, body: userBody(user) };
}

async function logIn(world: World, { email, password }: Body): Promise<Reply> {
  const user = world.users.get(email.toLowerCase());
  if (user?.password !== password) return refused(400, 'invalid_credentials', 'Invalid login credentials');
  if (!user.confirmedAt) return refused(400, 'email_not_confirmed', 'Email not confirmed');
  return await begin(world, user);
}

async function refresh(world: World, { refresh_token: shown }: Body): Promise<Reply> {
  const { users, sessions } = world;
  const session = [...sessions].find(({ refreshToken, spent }) => refreshToken === shown || spent.includes(shown));
  if (!session) return refused(400, 'refresh_token_not_found', 'Invalid Refresh Token: Refresh Token Not Found');
  if (session.refreshToken !== shown) {
    sessions.delete(session);
    return refused(400, 'refresh_token_already_used', 'Invalid Refresh Token: Already Used');
  }
  const user = [...users.values()].find(({ id }) => id === session.userId);
  if (!user) return refused(404, 'user_not_found', 'User not found');
  session.spent.push(shown);
  session.refreshToken = newToken();
  return await sessionReply(world, user, session);
}

function recover(world: World, { email }: Body): Reply {
  const user = world.users.get(email.toLowerCase());
  if (user) user.recovery = String(randomInt(100_000, 1_000_000));
  return { status: 200, body: {} };
}

async function setPassword({ users, secret }: World, { password }: Body, bearer: string): Promise<Reply> {
  const { payload } = await jwtVerify(bearer, secret, { algorithms: ['HS256'], audience: 'authenticated' });
  const user = [...users.values()].find(({ id }) => id === payload.sub);
  if (!user) return refused(404, 'user_not_found', 'User not found');
  if (password.length < 10) return refused(422, 'weak_password', 'Password should be at least 10 characters.');
  if (password === user.password) {
    return refused(422, 'same_password', 'New password should be different from the old password.');
  }
  user.password = password;
  return { status: 200, body: userBody(user) };
}

async function verify(world: World, { email, token, type }: Body): Promise<Reply> {
  const user = world.users.get(email.toLowerCase());
  if (user && type === 'recovery' && user.recovery === token) {
    delete user.recovery;
    user.confirmedAt ??= new Date().toISOString();
    return await begin(world, user);
  }
  if (type !== 'signup' || !user || user.confirmedAt || user.otp !== token) {
    return refused(403, 'otp_expired', 'Token has expired or is invalid');
  }
  user.confirmedAt = new Date().toISOString();
  return await begin(world, user);
}

type Ends = (session: Session, own: { id: unknown; userId: unknown }) => boolean;

async function logOut({ sessions, secret }: World, bearer: string, ends: Ends): Promise<Reply> {
  const { payload } = await jwtVerify(bearer, secret, { algorithms: ['HS256'], audience: 'authenticated' });
  const own = { id: payload['session_id'], userId: payload.sub };
  for (const session of sessions) if (ends(session, own)) sessions.delete(session);
  return { status: 204 };
}

async function begin(world: World, user: User): Promise<Reply> {
  const session = { id: randomUUID(), userId: user.id, refreshToken: newToken(), spent: [] };
  world.sessions.add(session);
  return await sessionReply(world, user, session);
}

async function sessionReply({ tokenFor }: World, user: User, session: Session): Promise<Reply> {
  const access_token = await tokenFor({ userId: user.id, sessionId: session.id });
  const { refreshToken: refresh_token } = session;
  const expires_at = Math.floor(Date.now() / 1_000) + 3_600;
  const body = { access_token, token_type: 'bearer', expires_in: 3_600, expires_at, refresh_token };
  return { status: 200, body: { ...body, user: userBody(user) } };
}

function userBody({ id, email, confirmedAt, name }: User): object {
  return {
    id,
    aud: 'authenticated',
    role: 'authenticated',
    email,
    phone: '',
    ...(confirmedAt !== null && { email_confirmed_at: confirmedAt, confirmed_at: confirmedAt }),
    app_metadata: { provider: 'email', providers: ['email'] },
    user_metadata: { email, ...(name !== null && { name }) },
    identities: [{ provider: 'email' }],
    is_anonymous: false,
  };
}

function newToken(): string {
  return randomBytes(16).toString('base64url');
}
