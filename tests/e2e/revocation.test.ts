import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { createApiKey } from '#shared/identity/api-key.ts';
import { freePorts } from '../../ops/local/ports.ts';
import { generateSigningKeys } from '../../ops/local/signing-key.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { createNeonHttp, type NeonHttp } from '../support/neon-http.ts';
import { queryRows } from '../support/postgres.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const Token = z.object({ access_token: z.string() });
const Row = z.object({ id: z.uuid() });
const boundMs = 5_000;
const everyMs = 20;

type Answer = { status: number; at: number };
type Load = { answers: Answer[]; stop: () => Promise<void> };

let stack: TestStack;
let neon: NeonHttp;
let edges: Edge[];

beforeAll(async () => {
  const { privateKey, publicKeys } = await generateSigningKeys();
  // NATS is configured and away all the time: nothing of this may depend on it.
  const trust = { GATEWAY_PUBLIC_KEYS: publicKeys, NATS_URL: await nobodysUrl() };
  stack = await startTestStack({ extraEnv: { auth: trust, chat: trust, asset: trust } });
  neon = await createNeonHttp({ url: stack.databaseUrl });
  const ports = { auth: portOf('auth'), chat: portOf('chat'), asset: portOf('asset') };
  const vars = { GATEWAY_SIGNING_KEY: privateKey, ADDRESS_FLOOD_LIMIT: '100000', KEY_FLOOD_LIMIT: '100000' };
  const byNeon = { KEY_STORE: 'neon-http', DATABASE_URL: stack.databaseUrl, NEON_HTTP_ENDPOINT: neon.endpoint };
  edges = await Promise.all([startEdge(ports, vars), startEdge(ports, { ...vars, ...byNeon })]);
});

afterAll(async () => {
  await Promise.all(edges.map(async (edge) => await edge[Symbol.asyncDispose]()));
  await neon.close();
  await stack.stop();
});

describe('what ends while two gateways serve it 50 times a second each', () => {
  it.concurrent.each<[string, () => Promise<Victim>]>([
    ['a key that is revoked in the database', async () => await keyRevokedBySql()],
    ['a key that its owner deletes', async () => await keyDeleted()],
    ['a key whose owner an admin disables', async () => await ownerDisabled()],
    ['a token that was exchanged for a key that is then deleted', async () => await exchangedToken()],
    ['a session that logs out', async () => await sessionLoggedOut()],
    ['a session whose user an admin disables', async () => await userDisabled()],
    ['a token that was exchanged for a key and logs out', async () => await exchangedLoggedOut()],
  ])('%s is refused by both at most 5 s later, and nothing else happens to anybody', async (what, victim) => {
    const { credential, end } = await victim();
    const loads = edges.map((edge) => startLoad(edge.url, credential));
    await vi.waitUntil(() => loads.every(({ answers }) => answers.length >= 50), { timeout: 20_000 });
    await end();
    const endedAt = performance.now();
    await vi.waitUntil(() => loads.every(({ answers }) => answers.slice(-25).every(({ status }) => status === 401)), {
      timeout: 10_000,
    });
    await Promise.all(loads.map(async (load) => await load.stop()));
    const last = loads.map(({ answers }) => lastSuccess(answers) - endedAt);
    // oxlint-disable-next-line no-console -- The figure is what readers of the output want.
    console.info(`${what}: last 200 after ${last.map((ms) => `${Math.round(ms)} ms`).join(' and ')}`);
    for (const ms of last) expect(ms).toBeLessThanOrEqual(boundMs);
    const statuses = new Set(loads.flatMap(({ answers }) => answers.map(({ status }) => status)));
    expect(statuses).toEqual(new Set([200, 401]));
  });
});

describe('the last use of a key', () => {
  it('is on record although auth was never asked for it', async () => {
    const { key, keyId } = await newKey();
    const answer = await fetch(`${edges[1]?.url}/v1/models`, { headers: { 'x-api-key': key } });
    expect(answer.status).toBe(200);
    // What is not written yet is written when a backend stops.
    await stack.restart('chat');
    const [row] = await queryRows(stack.databaseUrl, 'select last_used_at as at from api_keys where id = $1', [keyId]);
    expect(z.object({ at: z.date() }).parse(row).at.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });
});

/** A credential that works, and what ends it. */
type Victim = { credential: string; end: () => Promise<unknown> };

const SignedIn = z.object({ user: Row, session: z.object({ access_token: z.string() }) });

async function keyRevokedBySql(): Promise<Victim> {
  const { key, keyId } = await newKey();
  return { credential: key, end: async () => await queryRows(stack.databaseUrl, revoke(keyId)) };
}

async function keyDeleted(): Promise<Victim> {
  const { id, key } = await keyMade(stack.key);
  return { credential: key, end: async () => await call('DELETE', `/api/v1/keys/${id}`, stack.key) };
}

async function ownerDisabled(): Promise<Victim> {
  const { user, session } = await registered();
  const { key } = await keyMade(session.access_token);
  const end = (): Promise<unknown> => call('PATCH', `/api/v1/admin/users/${user.id}`, stack.key, { disabled: true });
  return { credential: key, end };
}

async function exchangedToken(): Promise<Victim> {
  const { id, key } = await keyMade(stack.key);
  const { access_token } = Token.parse(await call('POST', '/api/v1/auth/token', key));
  return { credential: access_token, end: async () => await call('DELETE', `/api/v1/keys/${id}`, stack.key) };
}

async function exchangedLoggedOut(): Promise<Victim> {
  const { key } = await keyMade(stack.key);
  const { access_token } = Token.parse(await call('POST', '/api/v1/auth/token', key));
  return { credential: access_token, end: async () => await call('POST', '/api/v1/auth/logout', access_token) };
}

async function userDisabled(): Promise<Victim> {
  const { user, session } = await registered();
  const end = (): Promise<unknown> => call('PATCH', `/api/v1/admin/users/${user.id}`, stack.key, { disabled: true });
  return { credential: session.access_token, end };
}

async function sessionLoggedOut(): Promise<Victim> {
  const { access_token } = (await registered()).session;
  return { credential: access_token, end: async () => await call('POST', '/api/v1/auth/logout', access_token) };
}

async function registered(): Promise<z.infer<typeof SignedIn>> {
  const credentials = { email: `${crypto.randomUUID()}@example.org`, password: 'correct horse battery' };
  return SignedIn.parse(await call('POST', '/api/v1/auth/register', null, credentials));
}

async function keyMade(owner: string): Promise<{ id: string; key: string }> {
  const body = { name: 'short-lived', scopes: ['chat:read'] };
  return z.object({ id: z.string(), key: z.string() }).parse(await call('POST', '/api/v1/keys', owner, body));
}

async function call(method: string, path: string, credential: string | null, body?: object): Promise<unknown> {
  const answer = await fetch(`${edges[0]?.url}${path}`, {
    method,
    headers: {
      ...(credential !== null && { authorization: `Bearer ${credential}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

/** Asks on and on, whether or not earlier answers have come. */
function startLoad(url: string, credential: string): Load {
  const answers: Answer[] = [];
  const pending = new Set<Promise<void>>();
  const ask = async (): Promise<void> => {
    const answer = await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${credential}` } });
    await answer.arrayBuffer();
    answers.push({ status: answer.status, at: performance.now() });
  };
  const timer = setInterval(() => {
    const asking = ask().finally(() => pending.delete(asking));
    pending.add(asking);
  }, everyMs);
  return {
    answers,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
    },
  };
}

function lastSuccess(answers: readonly Answer[]): number {
  return Math.max(...answers.filter(({ status }) => status === 200).map(({ at }) => at));
}

async function newKey(): Promise<{ key: string; keyId: string }> {
  const { key, hash } = await createApiKey('dev');
  const [row] = await queryRows(
    stack.databaseUrl,
    `WITH owner AS (INSERT INTO users (email) VALUES (gen_random_uuid() || '@example.org') RETURNING id)
     INSERT INTO api_keys (user_id, key_hash, scopes) SELECT id, $1, '{chat:read,chat:write}' FROM owner
     RETURNING id::text`,
    [hash],
  );

  return { key, keyId: Row.parse(row).id };
}

/** Several statements without parameters are one transaction. */
function revoke(keyId: string): string {
  return `UPDATE api_keys SET revoked_at = now() WHERE id = '${keyId}';
    INSERT INTO revocations (kind, subject_id) VALUES ('key', '${keyId}')`;
}

/** Where a server was a moment ago, and none is. */
async function nobodysUrl(): Promise<string> {
  const [port = 0] = await freePorts(1);
  return `ws://127.0.0.1:${port}`;
}

function portOf(service: 'auth' | 'chat' | 'asset'): number {
  return Number(new URL(stack.urls[service]).port);
}
