import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { hashApiKey } from '#shared/identity/api-key.ts';
import { viewLine } from '../../ops/local/log-view.ts';
import { generateTokenKeys } from '../../ops/local/token-keys.ts';
import { createCanary } from '../support/canary.ts';
import { lookAtProcesses, lookAtTables } from '../support/canary-places.ts';
import { startDevStack, type DevStack } from '../support/dev-stack.ts';
import { createFakeAnthropic } from '../support/fake-anthropic.ts';
import { createFakeOpenAi } from '../support/fake-openai.ts';
import { queryRows } from '../support/postgres.ts';

import type { FakeVendor } from '../support/vendor-server.ts';

const canary = createCanary();
const services = ['auth', 'chat', 'asset', 'gateway'] as const;
const tokenKeys = await generateTokenKeys();
const mails = await mkdtemp(join(tmpdir(), 'gaia-canary-mails-'));
const account = { email: 'canary@example.org', password: 'tweety and sylvester' };
const nextPassword = 'granny and her umbrella';

let vendors: FakeVendor[];
let stack: DevStack;

vi.setConfig({ hookTimeout: 180_000 });
beforeAll(async () => {
  vendors = await Promise.all([createFakeOpenAi(), createFakeAnthropic()]);
  const [openAi, anthropic] = vendors;
  const loud = { LOG_LEVEL: 'debug' };
  stack = await startDevStack({
    extraEnv: {
      auth: { ...loud, TOKEN_SIGNING_KEYS: tokenKeys, MAIL_DIRECTORY: mails },
      chat: {
        ...loud,
        OPENAI_API_KEY: openAi?.apiKey ?? '',
        OPENAI_BASE_URL: `${openAi?.url}/v1`,
        ANTHROPIC_API_KEY: anthropic?.apiKey ?? '',
        ANTHROPIC_BASE_URL: anthropic?.url ?? '',
        PROVIDER_RETRIES: '0',
      },
      asset: loud,
    },
    events: {
      onLine: (service, line) => {
        const isShown = viewLine(service, line, { verbose: true, colour: false }) !== null;
        if (isShown) canary.look(`output of ${service}`, line);
      },
    },
  });
  await guardConfiguration();
  const session = await accountsAndSessions();
  const key = await keys(session);
  await misplaced(key, session);
  await vendorsThatFail(key);
  await databaseThatFails(key);
  await lookAtProcesses(canary, stack.pids());
  await lookAtTables(canary, stack.databaseUrl);
  for (const [index, { requests }] of vendors.entries()) {
    const own = vendors[index]?.apiKey ?? '';
    for (const { path, headers, bytes } of requests) {
      canary.look('request to a vendor', `${path} ${JSON.stringify(headers)} ${bytes.toString()}`.replaceAll(own, ''));
    }
  }
});

afterAll(async () => {
  await stack.stop();
  for (const vendor of vendors) await vendor.close();
  await rm(mails, { recursive: true });
});

describe('no key, token, password or other secret, after all that people and failures do with them,', () => {
  it.each(services)('is in the output of %s', (service) => {
    expect(canary.seenIn(new RegExp(`^output of ${service}$`))).toBeGreaterThan(0);
    expect(canary.foundIn(new RegExp(`^output of ${service}$`))).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('is an argument of a process', () => {
    expect(canary.seenIn(/^arguments/)).toBeGreaterThan(services.length);
    expect(canary.foundIn(/^arguments/)).toEqual([]);
  });

  it('is in an answer other than the one that shows it', () => {
    expect(canary.seenIn(/^answer/)).toBeGreaterThan(50);
    expect(canary.foundIn(/^answer/)).toEqual([]);
  });

  it('is told to a vendor', () => {
    expect(canary.seenIn(/^request to a vendor/)).toBeGreaterThan(4);
    expect(canary.foundIn(/^request to a vendor/)).toEqual([]);
  });

  it('is in the database as it is', () => {
    expect(canary.seenIn(/^table/)).toBeGreaterThan(20);
    expect(canary.foundIn(/^table/)).toEqual([]);
  });

  it('would stay unnoticed', () => {
    canary.look('planted', `{"message":"no such user: ${account.password}"}`);
    expect(canary.foundIn(/^planted/)).toEqual(['the password in planted: {"message":"no such user: <the password>"}']);
  });
});

const Jwks = z.object({ keys: z.array(z.object({ d: z.string() })) });

async function guardConfiguration(): Promise<void> {
  canary.guard('the password', account.password);
  canary.guard('the next password', nextPassword);
  for (const { d } of Jwks.parse(JSON.parse(tokenKeys)).keys) canary.guard('a key that signs tokens', d);
  for (const url of [stack.databaseUrl, stack.applicationUrl]) {
    const { password } = new URL(url);
    if (password !== '') canary.guard('a password of the database', decodeURIComponent(password));
  }
  for (const { apiKey } of vendors) canary.guard('a key of a vendor', apiKey);
  await guardKey('the first key', stack.key);
}

async function guardKey(name: string, key: string): Promise<void> {
  canary.guard(name, key);
  canary.guard(`the secret half of ${name}`, key.slice(-38));
  canary.guard(`the hash of ${name}`, await hashApiKey(key), { isStored: true });
}

type Sent = { credential?: string; headers?: Record<string, string>; body?: unknown; shows?: string };

/** Sends a request and looks at all of the answer, but for what it shows on purpose, which is guarded from then on. */
async function send(method: string, path: string, { credential, headers, body, shows }: Sent = {}): Promise<unknown> {
  const answer = await fetch(`${stack.gatewayUrl}${path}`, {
    method,
    headers: {
      ...(credential !== undefined && { authorization: `Bearer ${credential}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  let text = await answer.text();
  const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : text;
  for (const [name, secret] of shows === undefined ? [] : secretsIn(parsed)) {
    if (name === 'key') await guardKey(`${shows} (key)`, secret);
    else
      for (const part of [secret, ...secret.split(name === 'access_token' ? '.' : '_').slice(2)])
        canary.guard(`${shows} (${name})`, part);
    text = text.replaceAll(secret, '');
  }
  canary.look(
    `answer of ${method} ${path.slice(0, 30)}`,
    `${answer.status} ${JSON.stringify([...answer.headers])} ${text}`,
  );
  return parsed;
}

const Shown = z.looseObject({ key: z.string().optional(), access_token: z.string().optional() });
const Session = z.object({ access_token: z.string(), refresh_token: z.string() });
const SignedIn = z.object({ session: Session });

function secretsIn(answer: unknown): [string, string][] {
  const session = SignedIn.safeParse(answer);
  const shown = session.success ? session.data.session : Shown.parse(answer);
  return Object.entries(shown).flatMap(([name, value]) =>
    ['key', 'access_token', 'refresh_token'].includes(name) && typeof value === 'string' ? [[name, value]] : [],
  );
}

async function accountsAndSessions(): Promise<string> {
  const auth = (path: string, body: object, shows?: string): Promise<unknown> =>
    send('POST', `/api/v1/auth/${path}`, { body, ...(shows !== undefined && { shows }) });
  await auth('register', account, 'registering');
  await auth('register', { ...account, password: nextPassword }, 'registering again');
  await auth('confirm', { token: await codeMailed(), email: account.email });
  await auth('login', { ...account, password: `${account.password}!` });
  await auth('login', { email: account.password, password: account.email });
  const { session } = SignedIn.parse(await auth('login', account, 'a log-in'));
  await auth('refresh', { refresh_token: session.refresh_token }, 'a refresh');
  const otherEnd = session.refresh_token.endsWith('0') ? '1' : '0';
  await auth('refresh', { refresh_token: `${session.refresh_token.slice(0, -1)}${otherEnd}` });
  await auth('forgot-password', { email: account.email });
  await auth('reset-password', { token: await codeMailed(), email: account.email, password: nextPassword });
  await auth('reset-password', { token: 'made up', email: account.email, password: nextPassword });
  const again = SignedIn.parse(await auth('login', { ...account, password: nextPassword }, 'another log-in'));
  const { access_token: credential, refresh_token } = again.session;
  const body = { current_password: nextPassword, new_password: account.password };
  await send('POST', '/api/v1/auth/change-password', { credential, body: { ...body, current_password: 'a guess' } });
  const changed = await send('POST', '/api/v1/auth/change-password', { credential, body, shows: 'a change' });
  await auth('refresh', { refresh_token });
  await auth('validate', { token: credential, api_key: stack.key });
  return SignedIn.parse(changed).session.access_token;
}

/** Out of the newest mail, as a person would. */
async function codeMailed(): Promise<string> {
  return await vi.waitUntil(async () => {
    const newest = (await readdir(mails)).toSorted().at(-1);
    const text = newest === undefined ? '' : await readFile(join(mails, newest), 'utf8');
    const code = /^([0-9A-Za-z]{32})$/m.exec(text)?.[1];
    if (code === undefined || newest === undefined) return null;
    await rm(join(mails, newest));
    canary.guard('a code out of a mail', code);
    return code;
  });
}

async function keys(credential: string): Promise<string> {
  const body = { name: 'canary', scopes: ['chat:read', 'chat:write', 'keys:write'] };
  const made = await send('POST', '/api/v1/keys', { credential, body, shows: 'a new key' });
  const { key, id } = z.object({ key: z.string(), id: z.string() }).parse(made);
  await send('PATCH', `/api/v1/keys/${id}`, { credential, body: { name: 'renamed' } });
  const rotation = { credential, body: { grace_seconds: 600 }, shows: 'a rotated key' };
  await send('POST', `/api/v1/keys/${id}/rotate`, rotation);
  await send('POST', `/api/v1/keys/${id}/rotate`, { credential, body: {} });
  await send('POST', '/api/v1/auth/token', { credential: key, shows: 'an exchange' });
  for (const path of ['/api/v1/keys', `/api/v1/keys/${id}`, '/api/v1/audit', '/api/v1/auth/me']) {
    await send('GET', path, { credential });
  }
  for (const path of ['/api/v1/admin/users', '/api/v1/audit', '/api/v1/keys'])
    await send('GET', path, { credential: stack.key });
  return key;
}

/** Where secrets end up by mistake: unknown fields, other credentials, malformed bodies, paths and queries. */
async function misplaced(key: string, token: string): Promise<void> {
  for (const secret of [key, token, vendors[0]?.apiKey ?? '']) {
    await send('POST', '/api/v1/auth/login', { body: { [secret]: 1 } });
    await send('GET', `/v1/models/${secret}`);
    await send('GET', `/v1/models/${secret}`, { credential: key });
    await send('DELETE', `/api/v1/keys/${secret}`, { credential: token });
  }
  for (const secret of [key, token, account.password, vendors[0]?.apiKey ?? '']) {
    for (const body of [`{"email":"${secret}`, { email: secret, password: secret }, { name: secret, key: secret }]) {
      await send('POST', '/api/v1/auth/login', { body });
    }
    await send('POST', '/api/v1/auth/validate', { body: { token: secret, api_key: secret } });
    await send('GET', `/v1/models?api_key=${encodeURIComponent(secret)}`);
    await send('GET', `/api/v0.2/status?token=${encodeURIComponent(secret)}`, { credential: key });
    await send('GET', '/v1/models', { headers: { 'x-api-key': `${secret}x`, cookie: secret } });
    await send('GET', '/v1/models', { headers: { authorization: `Basic ${Buffer.from(secret).toString('base64')}` } });
  }
  await send('GET', '/v1/models', { credential: token, headers: { 'x-api-key': stack.key } });
}

const question = { messages: [{ role: 'user', content: 'hello' }] };

async function vendorsThatFail(credential: string): Promise<void> {
  const models = ['gpt-4o', 'claude-sonnet-4-6'];
  for (const [index, vendor] of vendors.entries()) {
    const body = { ...question, model: models[index] };
    const ask = (more: object = {}): Promise<unknown> =>
      send('POST', '/v1/chat/completions', { credential, body: { ...body, ...more } });
    await ask();
    await ask({ stream: true });
    const telling = {
      error: { type: 'error', message: `Incorrect API key provided: ${vendor.apiKey}`, code: vendor.apiKey },
    };
    for (const status of [400, 401, 403, 404, 429, 500]) {
      vendor.next({ status, body: telling, headers: { 'x-key': vendor.apiKey } });
      await ask();
      vendor.next({ status, body: vendor.apiKey });
      await ask({ stream: true });
    }
    vendor.next({ breakAfter: { events: 2, with: 'cut' } });
    await ask({ stream: true });
    await send('POST', '/api/v0.2/chat', { credential, body: { message: 'hello', model: models[index] } });
    await send('GET', '/health');
  }
}

/** Errors of a database show what was asked of it, to whoever logs them as they are. */
async function databaseThatFails(key: string): Promise<void> {
  const everything = async (): Promise<void> => {
    await send('POST', '/api/v1/auth/login', { body: account });
    await send('POST', '/api/v1/auth/register', { body: { ...account, email: 'other@example.org' } });
    await send('POST', '/api/v1/auth/validate', { body: { api_key: stack.key } });
    await send('POST', '/api/v1/keys', { credential: key, body: { name: 'k' } });
    await send('POST', '/v1/chat/completions', { credential: key, body: { ...question, model: 'gpt-4o' } });
  };
  for (const table of ['credentials', 'api_keys', 'users', 'usage_events']) {
    await queryRows(stack.databaseUrl, `alter table ${table} rename to ${table}_away`);
    await everything();
    await queryRows(stack.databaseUrl, `alter table ${table}_away rename to ${table}`);
  }
  const ended = everything();
  await queryRows(
    stack.databaseUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'gaia_service'`,
  );
  await ended;
}
