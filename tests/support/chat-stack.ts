import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { createApiKey, hashApiKey } from '#shared/identity/api-key.ts';
import { createFakeAnthropic } from './fake-anthropic.ts';
import { createFakeOpenAi } from './fake-openai.ts';
import { createFaultProxy, type FaultProxy } from './fault-proxy.ts';
import { queryRows } from './postgres.ts';
import { openRequest, type OpenRequest } from './raw-http.ts';
import { startTestStack, type TestStack } from './stack.ts';
import type { FakeVendor } from './vendor-server.ts';

export type Caller = { userId: string; keyId: string; key: string };
export type KeyBudget = { usd: number; window: 'day' | 'month' | 'total' };
export type Sending = { key?: string; headers?: Record<string, string>; signal?: AbortSignal };
/** A whole answer, however it ended. */
export type Sent = { status: number; headers: Headers; text: string };

export type ChatStack = {
  stack: TestStack;
  /** Of the gateway. */
  url: string;
  openai: FakeVendor;
  anthropic: FakeVendor;
  /** Between chat and OpenAI. */
  vendorProxy: FaultProxy;
  /** Between chat and Postgres. */
  databaseProxy: FaultProxy;
  /** What chat has logged. */
  logLines: string[];
  /** Processes that ended although nobody asked them to. */
  deaths: string[];
  /** A user of its own with one key. */
  caller: (limits?: { budget?: KeyBudget; rpm?: number }) => Promise<Caller>;
  fetch: (path: string, body: object, sending?: Sending) => Promise<Response>;
  post: (path: string, body: object, sending?: Sending) => Promise<Sent>;
  /** A connection of its own that the test ends as it likes; resolves when the request is sent. */
  open: (path: string, body: object, sending?: Sending) => Promise<OpenRequest>;
  rows: <T>(schema: z.ZodType<T>, text: string, values?: unknown[]) => Promise<T[]>;
  stop: () => Promise<void>;
};

/** For a gateway whose own limits a test does not want to meet. */
export const unlimited = { KEY_FLOOD_LIMIT: '1000000', ADDRESS_FLOOD_LIMIT: '1000000' };

const Made = z.tuple([z.object({ user_id: z.string(), id: z.string() })]);

/** The whole stack, with faults to order on the ways from chat to its vendor and to its database. */
export async function startChatStack(env: Record<string, string> = {}): Promise<ChatStack> {
  const [openai, anthropic] = await Promise.all([createFakeOpenAi(), createFakeAnthropic()]);
  const vendorProxy = await createFaultProxy({ targetPort: portOf(openai.url) });
  const logLines: string[] = [];
  const deaths: string[] = [];
  const proxies: FaultProxy[] = [vendorProxy];
  const stack = await startTestStack({
    databaseUrls: async (url) => {
      const proxy = await createFaultProxy({ targetPort: portOf(url) });
      proxies.push(proxy);
      return { chat: withPort(url, proxy.port) };
    },
    extraEnv: {
      chat: {
        OPENAI_API_KEY: openai.apiKey,
        OPENAI_BASE_URL: `http://127.0.0.1:${vendorProxy.port}/v1`,
        ANTHROPIC_API_KEY: anthropic.apiKey,
        ANTHROPIC_BASE_URL: anthropic.url,
        ...env,
      },
      gateway: unlimited,
    },
    onLine: (service, line) => service === 'chat' && logLines.push(line),
    onDeath: (name, how) => void deaths.push(`${name}: ${how}`),
  });
  const [, databaseProxy = vendorProxy] = proxies;
  return {
    stack,
    url: stack.gatewayUrl,
    openai,
    anthropic,
    vendorProxy,
    databaseProxy,
    logLines,
    deaths,
    caller: async (limits = {}) => await newCaller(stack.databaseUrl, limits),
    ...clientOf(portOf(stack.gatewayUrl), stack.key),
    rows: async (schema, text, values) => z.array(schema).parse(await queryRows(stack.databaseUrl, text, values)),
    stop: async () => {
      await stack.stop();
      await Promise.all([...proxies.map((proxy) => proxy.close()), openai.close(), anthropic.close()]);
    },
  };
}

function clientOf(port: number, ownKey: string): Pick<ChatStack, 'fetch' | 'post' | 'open'> {
  const headersOf = ({ key = ownKey, headers = {} }: Sending): Record<string, string> => ({
    'x-api-key': key,
    'content-type': 'application/json',
    ...headers,
  });
  const send: ChatStack['fetch'] = async (path, body, sending = {}) =>
    await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: headersOf(sending),
      body: JSON.stringify(body),
      ...(sending.signal && { signal: sending.signal }),
    });
  return {
    fetch: send,
    post: async (path, body, sending) => {
      const answer = await send(path, body, sending);
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    },
    open: async (path, body, sending = {}) => {
      const bytes = JSON.stringify(body);
      const all = { host: 'gaia', ...headersOf(sending), 'content-length': String(Buffer.byteLength(bytes)) };
      const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
      return await openRequest(port, `POST ${path} HTTP/1.1\r\n${head.join('')}\r\n${bytes}`);
    },
  };
}

async function newCaller(databaseUrl: string, limits: object): Promise<Caller> {
  const { key } = await createApiKey('dev');
  const rows = await queryRows(
    databaseUrl,
    `with owner as (insert into users (email, name) values ($1, 'Somebody') returning id)
     insert into api_keys (user_id, key_hash, name, prefix, last_four, environment, scopes, limits)
     select id, $2, 'Test', $3, $4, 'dev', '{chat:read,chat:write,usage:read}', $5 from owner returning user_id, id`,
    [`${randomUUID()}@gaia.test`, await hashApiKey(key), key.split('_').slice(0, 3).join('_'), key.slice(-4), limits],
  );
  const [{ user_id: userId, id: keyId }] = Made.parse(rows);
  return { userId, keyId, key };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function withPort(url: string, port: number): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}
