import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { contractVersion } from '#shared/contract-version.ts';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { headerNames } from '#shared/http/headers.ts';
import { UserPrincipalSchema, type UserPrincipal } from '#shared/identity/principal.ts';
import { loadPriceCatalogue } from '#shared/prices/catalogue.ts';
import { serve } from '#shared/service/serve.ts';
import type { ChatProvider } from '../../backends/chat/src/completion/chat-provider.ts';
import { createCardSource } from '../../backends/chat/src/completion/model-card.ts';
import {
  createAnthropicProvider,
  createLocalProvider,
  createOpenAiCompatibleProvider,
  createOpenAiProvider,
} from '../../backends/chat/src/providers/index.ts';
import { createTestChat, type TestChat, type TestChatOptions } from '../../backends/chat/src/testing/chat-app.ts';
import { createFakeAnthropic } from './fake-anthropic.ts';
import { createFakeOpenAi } from './fake-openai.ts';
import { createTestDatabase, queryRows } from './postgres.ts';
import { silentLog } from './silent-log.ts';
import type { FakeVendor } from './vendor-server.ts';

export const gpt = 'gpt-4o';
export const thinkingGpt = 'gpt-5';
export const claude = 'claude-sonnet-4-6';
/** A model of a vendor that only speaks like OpenAI. */
export const llama = 'mimic/llama';

export type Talker = {
  principal: UserPrincipal;
  post: (path: string, body: object, headers?: Record<string, string>) => Promise<Response>;
  get: (path: string) => Promise<Response>;
  request: (path: string, init: RequestInit) => Promise<Response>;
};

export type GaiaChats = TestChat & {
  port: number;
  connection: DatabaseConnection;
  vendors: { openai: FakeVendor; anthropic: FakeVendor; mimic: FakeVendor };
  /** What a vendor was sent last. */
  lastBody: (vendor: keyof GaiaChats['vendors']) => unknown;
  /** How often any vendor was asked. */
  asked: () => number;
  rows: (text: string, values?: unknown[]) => Promise<unknown[]>;
  /** Somebody whom the database has never seen. */
  person: (change?: Partial<UserPrincipal>) => Talker;
  /** What all of somebody's conversations hold, in their order. */
  messages: (who: Talker) => Promise<z.infer<typeof StoredSchema>>;
  /** What they hold as soon as none of them waits for an answer, of which whoever asked may have been told before. */
  ended: (who: Talker) => Promise<z.infer<typeof StoredSchema>>;
  /** Closes breakers that a test has half opened, and forgets what vendors were asked and were to answer always. */
  reset: () => Promise<void>;
  close: () => Promise<void>;
};

const StoredSchema = z.array(
  z.object({
    conversation_id: z.string(),
    role: z.string(),
    content: z.string(),
    status: z.string(),
    model: z.string().nullable(),
    provider: z.string().nullable(),
    tokens_used: z.number().nullable(),
  }),
);

/** The chat backend on a real port, over a database of its own and vendors that speak their own protocols. */
export async function startGaiaChats(options: TestChatOptions = {}): Promise<GaiaChats> {
  const [database, ...fakes] = await Promise.all([
    createTestDatabase(),
    createFakeOpenAi(),
    createFakeAnthropic(),
    createFakeOpenAi(),
  ]);
  const [openai, anthropic, mimic] = fakes;
  const vendors = { openai, anthropic, mimic };
  const connection = connect({ url: database.url, poolSize: 8, log: silentLog });
  const providers = providersOf(vendors);
  const chat = createTestChat({
    providers,
    db: connection.db,
    verifyAssertion: async (assertion) => UserPrincipalSchema.parse(JSON.parse(assertion)),
    ...options,
  });
  const server = await serve({ app: chat.app, host: '127.0.0.1', port: 0, log: silentLog });
  const rows: GaiaChats['rows'] = async (text, values) => await queryRows(database.url, text, values);
  const messages: GaiaChats['messages'] = async ({ principal }) =>
    StoredSchema.parse(
      await rows(
        `select conversation_id, role, content, status, model, provider, tokens_used from chat_messages
          where user_id = $1 order by conversation_id, position`,
        [principal.userId],
      ),
    );
  return {
    ...chat,
    port: server.port,
    connection,
    vendors,
    lastBody: (vendor) => vendors[vendor].requests.at(-1)?.body,
    asked: () => fakes.reduce((sum, { requests }) => sum + requests.length, 0),
    rows,
    person: (change = {}) => talker(server.port, change),
    messages,
    ended: async (who) => {
      const held = 'select id from conversations where user_id = $1 and turn_lease is not null';
      while ((await rows(held, [who.principal.userId])).length > 0);
      return await messages(who);
    },
    reset: async () => {
      for (const vendor of fakes) vendor.always({});
      const messages = [{ role: 'user', content: 'hello' }];
      for (const model of [gpt, thinkingGpt, claude, llama]) {
        await jsonOf(talker(server.port, {}).post('/v1/chat/completions', { model, messages }));
      }
      for (const vendor of fakes) vendor.requests.length = 0;
    },
    close: async () => {
      await server.close(0);
      for (const provider of providers) await provider.close();
      await Promise.all(fakes.map((vendor) => vendor.close()));
      await connection.close();
      await database.drop();
    },
  };
}

function providersOf({ openai, anthropic, mimic }: GaiaChats['vendors']): ChatProvider[] {
  const timeouts = { connectMs: 1_000, idleMs: 10_000, totalMs: 10_000 };
  const common = { timeouts, cardOf: createCardSource(loadPriceCatalogue()) };
  const of = ({ apiKey, url }: FakeVendor, path = '') => ({ ...common, apiKey, baseUrl: `${url}${path}` });
  return [
    createOpenAiProvider({ ...of(openai, '/v1'), id: 'openai', name: 'OpenAI', models: [gpt, thinkingGpt] }),
    createAnthropicProvider({ ...of(anthropic), id: 'anthropic', name: 'Anthropic', models: [claude] }),
    createOpenAiCompatibleProvider({ ...of(mimic, '/v1'), id: 'mimic', name: 'Mimic', models: ['llama'] }),
    createLocalProvider(),
  ];
}

function talker(port: number, change: Partial<UserPrincipal>): Talker {
  const principal: UserPrincipal = {
    kind: 'user',
    userId: randomUUID(),
    keyId: null,
    scopes: ['chat:read', 'chat:write'],
    limits: {},
    ...change,
  };
  const own = {
    [headerNames.assertion]: JSON.stringify(principal),
    [headerNames.contract]: String(contractVersion),
    'content-type': 'application/json',
  };
  const request: Talker['request'] = async (path, { headers, ...init }) =>
    await fetch(`http://127.0.0.1:${port}${path}`, {
      ...init,
      headers: { ...own, ...Object.fromEntries(new Headers(headers)) },
    });
  return {
    principal,
    request,
    get: async (path) => await request(path, {}),
    post: async (path, body, headers = {}) =>
      await request(path, { method: 'POST', body: JSON.stringify(body), headers }),
  };
}

const Json = z.record(z.string(), z.unknown());

/** A body that is an object, with the status that is expected. */
export async function jsonOf(answer: Promise<Response> | Response, status = 200): Promise<Record<string, unknown>> {
  const response = await answer;
  const text = await response.text();
  if (response.status !== status) throw new Error(`${response.status} instead of ${status}: ${text}`);
  return Json.parse(JSON.parse(text));
}

/** The data of a stream's events, `[DONE]` as it is. Comments are left out. */
export function eventsIn(text: string): (Record<string, unknown> | '[DONE]')[] {
  return text
    .split('\n\n')
    .flatMap((event) => /^data: (.*)$/m.exec(event)?.slice(1) ?? [])
    .map((data) => (data === '[DONE]' ? data : Json.parse(JSON.parse(data))));
}

/** The events of a stream that has to begin with status 200. */
export async function eventsOf(answer: Promise<Response> | Response): Promise<ReturnType<typeof eventsIn>> {
  const response = await answer;
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return eventsIn(text);
}

/** `start ready …`, as far as events have types. */
export function typesOf(events: ReturnType<typeof eventsIn>): unknown[] {
  return events.map((event) => (event === '[DONE]' ? event : event['type']));
}

const Messages = z.looseObject({
  messages: z.array(z.object({ role: z.string(), content: z.unknown() })).min(1),
});

/** The system prompt of a request to a vendor, in whichever protocol; empty where there is none. */
export function systemPromptOf(body: unknown): string {
  const { messages, ...rest } = Messages.parse(body);
  if ('system' in rest) return JSON.stringify(rest['system']);
  const [first] = messages;
  return first?.role === 'system' ? String(first.content) : '';
}

/** What the events of a stream wrote: OpenAI's chunks or our own. */
export function contentOf(events: ReturnType<typeof eventsIn>): string {
  const Own = z.object({ type: z.literal('content'), content: z.string() });
  const Chunk = z.object({ choices: z.tuple([z.object({ delta: z.object({ content: z.string() }) })]) });
  return events
    .map((event) => {
      const chunk = Chunk.safeParse(event).data?.choices[0].delta.content;
      return chunk ?? Own.safeParse(event).data?.content ?? '';
    })
    .join('');
}

/** The id of what was made. */
export async function madeId(answer: Promise<Response>): Promise<string> {
  return z.object({ persona: z.object({ id: z.string() }) }).parse(await jsonOf(answer, 201)).persona.id;
}
