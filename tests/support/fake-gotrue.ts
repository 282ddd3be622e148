import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json as readJson } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { BodySchema, gotrueRoutes, refused } from './fake-gotrue-accounts.ts';
import type { Reply, TokenClaims, User, World } from './fake-gotrue-accounts.ts';
import { listen } from './listen.ts';

/** What a request gets instead of its answer. */
export type GotrueFault =
  | { kind: 'answer'; status: number; body: string; headers?: Record<string, string> }
  | { kind: 'silence' }
  | { kind: 'hang-up' };

export type FakeGotrue = Awaited<ReturnType<typeof startFakeGotrue>>;

/** Supabase's auth server as its OpenAPI document, its list of error codes and its own tests describe it. */
export async function startFakeGotrue({ autoconfirm = false } = {}) {
  const anonKey = `anon-${randomUUID()}`;
  const jwtSecret = randomBytes(32).toString('hex');
  const secret = new TextEncoder().encode(jwtSecret);
  const keys = await createKeys(secret);
  const faults: GotrueFault[] = [];
  const requests: { path: string; body: unknown }[] = [];
  let url = '';
  const tokenFor = async (claims: TokenClaims) => await keys.sign(`${url}/auth/v1`, claims);
  const world: World = { users: new Map(), sessions: new Set(), autoconfirm, secret, tokenFor };

  async function answer(req: IncomingMessage): Promise<Reply | GotrueFault> {
    const path = req.url ?? '';
    const sent: unknown = req.method === 'POST' || req.method === 'PUT' ? await readJson(req) : undefined;
    requests.push({ path, body: sent });
    const fault = faults.shift();
    if (fault) return fault;
    if (path === '/auth/v1/.well-known/jwks.json') return { status: 200, body: keys.published };
    if (req.headers.apikey !== anonKey) return { status: 401, body: { message: 'Invalid API key' } };
    const bearer = (req.headers.authorization ?? '').replace(/^Bearer /, '');
    const route = gotrueRoutes[req.method === 'PUT' ? `PUT ${path}` : path];
    return route ? await route(world, BodySchema.parse(sent), bearer) : refused(404, 'not_found', 'no such route');
  }

  const server = createServer((req, res) => {
    void answer(req)
      .catch((error: unknown) => refused(500, 'unexpected_failure', String(error)))
      .then((result) => ('kind' in result ? fail(result, res) : reply(res, result)));
  });
  url = `http://127.0.0.1:${await listen(server)}`;
  return {
    url,
    anonKey,
    jwtSecret,
    requests,
    tokenFor,
    users: world.users,
    sessions: world.sessions,
    /** Somebody who came before. */
    addUser: (email: string, password: string, isConfirmed = true): User =>
      addUser(world, email, password, isConfirmed),
    /** What the next requests get, one each. */
    next: (...scripted: GotrueFault[]): void => void faults.push(...scripted),
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function createKeys(secret: Uint8Array) {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  return {
    published: { keys: [{ ...(await exportJWK(publicKey)), kid: 'es', alg: 'ES256' }] },
    sign: async (issuer: string, { userId, sessionId, alg = 'HS256', role = 'authenticated' }: TokenClaims) =>
      await new SignJWT({ session_id: sessionId, role, is_anonymous: false })
        .setProtectedHeader({ alg, typ: 'JWT', ...(alg === 'ES256' && { kid: 'es' }) })
        .setIssuer(issuer)
        .setAudience('authenticated')
        .setSubject(userId)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(alg === 'ES256' ? privateKey : secret),
  };
}

function addUser({ users }: World, email: string, password: string, isConfirmed: boolean): User {
  const confirmedAt = isConfirmed ? new Date().toISOString() : null;
  const user = { id: randomUUID(), email, password, name: null, confirmedAt, otp: '123456' };
  users.set(email.toLowerCase(), user);
  return user;
}

function reply(res: ServerResponse, { status, body }: Reply): void {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(body && JSON.stringify(body));
}

function fail(fault: GotrueFault, res: ServerResponse): void {
  switch (fault.kind) {
    case 'answer':
      res.writeHead(fault.status, fault.headers);
      res.end(fault.body);
      return;
    case 'silence':
      return;
    case 'hang-up':
      res.destroy();
      return;
    default:
      fault satisfies never;
  }
}
