import { afterEach, describe, expect, it } from 'vitest';
import { startScriptedVendor, type ScriptedVendor } from '../testing/scripted-vendor.ts';
import type { ChatProvider, ProviderCall } from '../completion/chat-provider.ts';
import { unknownCard } from '../completion/model-card.ts';
import { openAiRefusal } from './openai-refusal.ts';
import { createVendorConnection } from './vendor-connection.ts';
import { createAnthropicProvider, createOpenAiCompatibleProvider, createOpenAiProvider } from './index.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const timeouts = { connectMs: 1_000, idleMs: 5_000, totalMs: 5_000 };

type Create = typeof createOpenAiProvider;
type Started = { vendor: ScriptedVendor; provider: ChatProvider };

async function start(create: Create, options: Partial<Parameters<Create>[0]> = {}): Promise<Started> {
  const vendor = await startScriptedVendor();
  vendor.play((response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":1}'));
  const { origin } = new URL(vendor.baseUrl);
  const provider = create({
    id: 'acme',
    name: 'Acme',
    baseUrl: origin,
    apiKey: 'k-1',
    models: null,
    timeouts,
    ...options,
  });
  closing.push(provider.close, vendor.close);
  return { vendor, provider };
}

function call(protocol: ProviderCall['protocol'], headers: Record<string, string> = {}): ProviderCall {
  const signal = AbortSignal.timeout(10_000);
  return { protocol, model: 'm', body: Buffer.from('{"model":"m"}'), headers, requestId: 'request-0001', signal };
}

describe('OpenAI', () => {
  it('gets our key, who pays, our request id and the caller’s beta header', async () => {
    const headers = { 'openai-organization': 'org-1', 'openai-project': 'proj-1' };
    const { vendor, provider } = await start(createOpenAiProvider, { headers });
    const stolen = {
      'openai-beta': 'responses=v1',
      'openai-organization': 'org-2',
      'anthropic-beta': 'x',
      host: 'evil',
    };
    await provider.complete(call('responses', stolen));
    expect(vendor.requests[0]?.headers).toMatchObject({
      ...headers,
      authorization: 'Bearer k-1',
      'x-client-request-id': 'request-0001',
      'openai-beta': 'responses=v1',
    });
    expect(vendor.requests[0]?.headers).not.toHaveProperty('anthropic-beta');
    expect(vendor.requests[0]?.headers.host).toBe(new URL(vendor.baseUrl).host);
  });

  it('has the protocols it is told to, each at its path', async () => {
    const { vendor, provider } = await start(createOpenAiCompatibleProvider, {
      models: ['m'],
      speaks: ['embeddings', 'responses'],
    });
    expect(provider.speaks).toEqual(['responses', 'embeddings']);
    await provider.complete(call('embeddings'));
    await provider.complete(call('responses'));
    expect(vendor.requests.map(({ url }) => url)).toEqual(['/embeddings', '/responses']);
    await expect(provider.complete(call('chat-completions'))).rejects.toThrow('acme does not speak chat-completions');
    expect(vendor.requests).toHaveLength(2);
  });

  it('speaks what is usual where nothing is said, and all that OpenAI has as OpenAI', async () => {
    expect((await start(createOpenAiCompatibleProvider)).provider.speaks).toEqual(['chat-completions', 'embeddings']);
    expect((await start(createOpenAiProvider)).provider.speaks).toEqual([
      'chat-completions',
      'responses',
      'embeddings',
    ]);
  });

  it('without a key gets no authorization at all, and refusals are read all the same', async () => {
    const { vendor, provider } = await start(createOpenAiCompatibleProvider, { apiKey: null, models: ['m'] });
    await provider.complete(call('chat-completions', { authorization: 'Bearer theirs' }));
    expect(vendor.requests[0]?.headers).not.toHaveProperty('authorization');
    vendor.play((response) => void response.writeHead(400).end('{"error":{"message":"no such model"}}'));
    await expect(provider.complete(call('chat-completions'))).rejects.toMatchObject({ message: 'no such model' });
  });
});

describe('Anthropic', () => {
  it('gets our key as it documents, the version of its API, and no bearer token', async () => {
    const { vendor, provider } = await start(createAnthropicProvider);
    await provider.complete(call('messages', { authorization: 'Bearer theirs', 'openai-beta': 'x' }));
    expect(vendor.requests[0]?.headers).toMatchObject({ 'x-api-key': 'k-1', 'anthropic-version': '2023-06-01' });
    for (const name of ['authorization', 'openai-beta', 'anthropic-beta'])
      expect(vendor.requests[0]?.headers).not.toHaveProperty(name);
  });

  it('gets the caller’s own version and betas, also for the counting of tokens', async () => {
    const { vendor, provider } = await start(createAnthropicProvider);
    const own = { 'anthropic-version': '2026-10-21', 'anthropic-beta': 'a,b' };
    await provider.complete(call('count-tokens', own));
    expect(vendor.requests[0]).toMatchObject({ url: '/v1/messages/count_tokens', headers: own });
  });

  it('goes by its older name too', async () => {
    expect((await start(createAnthropicProvider)).provider.aliases).toEqual(['claude']);
  });
});

describe('a connection', () => {
  it('lets a caller’s header stand in for a default, never for ours', async () => {
    const vendor = await startScriptedVendor();
    vendor.play((response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":1}'));
    const connection = createVendorConnection({
      baseUrl: vendor.baseUrl,
      headers: { authorization: 'ours' },
      defaultHeaders: { version: '1', other: '1' },
      secret: null,
      timeouts,
      refusal: openAiRefusal,
    });
    closing.push(connection.close, vendor.close);
    const headers = { authorization: 'theirs', version: '2', 'user-agent': 'theirs', 'accept-encoding': 'gzip' };
    const signal = AbortSignal.timeout(10_000);
    await connection.json({ path: '/x', body: Buffer.from('{}'), headers, signal });
    const ours = {
      authorization: 'ours',
      version: '2',
      other: '1',
      'user-agent': 'gaia',
      'accept-encoding': 'identity',
    };
    expect(vendor.requests[0]).toMatchObject({ url: '/v1/x', headers: ours });
    expect(JSON.stringify(vendor.requests[0]?.headers)).not.toContain('theirs');
  });
});

describe('the models of a vendor', () => {
  const known = ['m-1', 'm-2'];
  const options = {
    cardOf: (_provider: string, id: string) => ({ ...unknownCard(id), name: `Card of ${id}` }),
    knownModels: () => known,
  };

  it('are those of the catalogue, others that look like its own, and any that are asked for by its name', async () => {
    const cases = [
      [
        createOpenAiProvider,
        ['gpt-9', 'chatgpt-9', 'o9-mini', 'text-embedding-4', 'ft:gpt-4o:org::id'],
        ['claude-9', 'openly', 'llama'],
      ],
      [createAnthropicProvider, ['claude-9', 'claude-opus-9-20290101'], ['gpt-9', 'my-claude-9']],
    ] as const;
    for (const [create, own, foreign] of cases) {
      const { provider } = await start(create, options);
      expect(provider.models.map(({ name }) => name)).toEqual(['Card of m-1', 'Card of m-2']);
      for (const id of own) expect(provider.findUnlisted?.(id, 'bare')?.name).toBe(`Card of ${id}`);
      for (const id of foreign) expect(provider.findUnlisted?.(id, 'bare')).toBeUndefined();
      for (const id of foreign) expect(provider.findUnlisted?.(id, 'qualified')?.id).toBe(id);
      for (const id of ['', '../gpt-4', 'gpt-4/..', 'gpt 4', 'gpt-4\n', `gpt-${'4'.repeat(300)}`, '-gpt'])
        expect(provider.findUnlisted?.(id, 'qualified')).toBeUndefined();
    }
  });

  it('are only those that the configuration names, where it names any', async () => {
    const { provider } = await start(createOpenAiProvider, { ...options, models: ['gpt-4o'] });
    expect(provider.models.map(({ id }) => id)).toEqual(['gpt-4o']);
    expect(provider.find('gpt-4o')?.name).toBe('Card of gpt-4o');
    expect(provider.find('m-1')).toBeUndefined();
    expect(provider.findUnlisted).toBeUndefined();
  });
});
