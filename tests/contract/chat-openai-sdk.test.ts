import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalProvider, createOpenAiCompatibleProvider } from '../../backends/chat/src/providers/index.ts';
import { createTestChat } from '../../backends/chat/src/testing/chat-app.ts';
import { createAssertionVerifier } from '../../shared/identity/assertion-verify.ts';
import { serve, type Listening } from '../../shared/service/serve.ts';
import { createTestIdentity, testUser, type TestIdentity } from '../support/assertions.ts';
import { createFakeOpenAi } from '../support/fake-openai.ts';
import { silentLog } from '../support/silent-log.ts';
import type { FakeVendor } from '../support/vendor-server.ts';

const messages = [{ role: 'user' as const, content: 'hello' }];

let identity: TestIdentity;
let vendor: FakeVendor;
let server: Listening;
let client: OpenAI;

beforeAll(async () => {
  identity = await createTestIdentity();
  vendor = await createFakeOpenAi();
  server = await serve({ app: chatApp(), host: '127.0.0.1', port: 0, log: silentLog });
  client = await clientOf(identity);
});

afterAll(async () => {
  await server.close(0);
  await vendor.close();
});

describe('the stock OpenAI SDK, with only its base URL changed', () => {
  it('completes at the vendor', async () => {
    const completion = await client.chat.completions.create({ model: 'gpt-4o', messages });
    expect(completion.choices[0]?.message.content).toBe('Hello, world!');
  });

  it('streams from the vendor', async () => {
    const stream = await client.chat.completions.create({ model: 'openai/gpt-4o', messages, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    expect(text).toBe('Hello, world!');
  });

  it('gets an error, not a short answer, where the vendor breaks off', async () => {
    vendor.next({ breakAfter: { events: 2, with: 'cut' } });
    const stream = await client.chat.completions.create({ model: 'gpt-4o', messages, stream: true });
    await expect(drained(stream)).rejects.toMatchObject({ code: 'upstream_failed' });
  });

  it('reads our errors', async () => {
    const unknown = client.chat.completions.create({ model: 'gpt-unknown', messages });
    await expect(unknown).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(unknown).rejects.toMatchObject({ code: 'not_found', param: 'model', status: 404 });
    const refused = client.chat.completions.create({ model: 'gpt-4o', messages, max_tokens: -1 });
    await expect(refused).rejects.toBeInstanceOf(OpenAI.UnprocessableEntityError);
  });

  it('lists models and retrieves one whose id has a slash', async () => {
    const ids = (await client.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(['gpt-4o', 'local/echo', 'local/embed']);
    expect((await client.models.retrieve('local/echo')).owned_by).toBe('local');
  });
});

describe('the gateway’s assertion', () => {
  it('of another gateway, or for another backend, opens nothing', async () => {
    const stranger = await clientOf(await createTestIdentity());
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    const misdirected = await clientOf({ ...identity, headers: (who) => identity.headers(who, 'asset') });
    await expect(misdirected.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });

  it('without the scope is 403', async () => {
    const reader = await clientOf(identity, { ...testUser, kind: 'anonymous' });
    await expect(reader.models.list()).rejects.toBeInstanceOf(OpenAI.PermissionDeniedError);
  });
});

async function clientOf(from: TestIdentity, principal = testUser): Promise<OpenAI> {
  const baseURL = `http://127.0.0.1:${server.port}/v1`;
  return new OpenAI({ baseURL, apiKey: 'any', maxRetries: 0, defaultHeaders: await from.headers(principal, 'chat') });
}

function chatApp() {
  const baseUrl = `${vendor.url}/v1`;
  const timeouts = { connectMs: 1_000, idleMs: 5_000, totalMs: 10_000 };
  const openai = { id: 'openai', name: 'OpenAI', baseUrl, apiKey: vendor.apiKey, models: ['gpt-4o'], timeouts };
  const providers = [createOpenAiCompatibleProvider(openai), createLocalProvider()];
  return createTestChat({ providers, verifyAssertion: createAssertionVerifier(identity.publicKeys, 'chat') }).app;
}

async function drained(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
