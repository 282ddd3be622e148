import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { JsonObject } from '#shared/json.ts';
import { unknownCard } from '../completion/model-card.ts';
import { createOpenAiCompatibleProvider, createOpenAiProvider } from '../providers/index.ts';
import { translationFor } from '../protocols/index.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { Call, Target } from './call.ts';
import { providerRequest } from './provider-request.ts';

const { signal } = new AbortController();

const timeouts = { connectMs: 1, idleMs: 1, totalMs: 1 };
const vendor = { name: 'Vendor', baseUrl: 'http://127.0.0.1:1/v1', apiKey: 'key', models: ['m'], timeouts };
const openai = createOpenAiProvider({ ...vendor, id: 'openai', speaks: ['chat-completions'] });
const mistral = createOpenAiCompatibleProvider({ ...vendor, id: 'mistral' });
const principal: UserPrincipal = { kind: 'user', userId: 'u', keyId: null, scopes: [], limits: {} };

function callOf(protocol: Protocol, body: JsonObject): Call {
  const rawBody = Buffer.from(JSON.stringify(body));
  const clientLeft = new AbortController().signal;
  return { id: 'c', principal, protocol, model: 'm', body, rawBody, headers: {}, requestId: 'r', clientLeft };
}

function targetOf(provider: Target['provider'], protocol: Protocol): Target {
  const price = { input: 1, cachedInput: 1, output: 1 };
  const card = { ...unknownCard('m'), capabilities: ['chat', 'reasoning'] as const };
  const translation = translationFor(protocol, provider.speaks);
  return { provider, model: 'm', card, price, priceVersion: 1, translation, isFallback: false };
}

async function sent(call: Call, target: Target, outputCap: number | null = null): Promise<unknown> {
  const options = { isStream: false, signal, outputCap, inlineImages: async (body: JsonObject) => body };
  return JSON.parse(Buffer.from((await providerRequest(call, target, options)).body).toString('utf8'));
}

const Sent = z.looseObject({ messages: z.array(z.unknown()) });
const hello = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

describe.each([
  ['OpenAI', openai, 'max_completion_tokens', 'max_tokens'],
  ['a compatible vendor', mistral, 'max_tokens', 'max_completion_tokens'],
] as const)('the limit of an answer by %s', (_name, provider, field, other) => {
  it.each<[Protocol, JsonObject]>([
    ['messages', { ...hello, max_tokens: 77 }],
    ['responses', { model: 'm', input: 'hi', max_output_tokens: 77 }],
  ])('has the name that it knows in a request translated from %s', async (protocol, body) => {
    const request = await sent(callOf(protocol, body), targetOf(provider, protocol));
    expect(request).toHaveProperty(field, 77);
    expect(request).not.toHaveProperty(other);
  });

  it('has it where the budget caps the answer', async () => {
    const request = await sent(callOf('chat-completions', hello), targetOf(provider, 'chat-completions'), 77);
    expect(request).toHaveProperty(field, 77);
    expect(request).not.toHaveProperty(other);
  });

  it('stays as the caller wrote it', async () => {
    const request = await sent(
      callOf('chat-completions', { ...hello, max_tokens: 5 }),
      targetOf(provider, 'chat-completions'),
    );
    expect(request).toEqual({ ...hello, max_tokens: 5 });
  });
});

describe('a vendor who tells what was used unasked', () => {
  const unasked = { ...mistral, tellsUsageUnasked: true };
  const options = { isStream: true, signal, outputCap: null, inlineImages: async (body: JsonObject) => body };
  const wish = { include_usage: true };

  it.each<[string, Protocol, JsonObject]>([
    ['a stream', 'chat-completions', hello],
    ['a stream whose caller asks', 'chat-completions', { ...hello, stream_options: wish }],
    ['a translated stream', 'messages', { ...hello, max_tokens: 9, stream: true }],
    ['another', 'responses', { model: 'm', input: 'hi', stream: true }],
  ])('is not asked with %s, and any other is', async (_what, protocol, body) => {
    for (const provider of [unasked, mistral]) {
      const request = await providerRequest(callOf(protocol, body), targetOf(provider, protocol), options);
      const { stream_options: asked, messages } = Sent.parse(JSON.parse(String(Buffer.from(request.body))));
      expect([asked, messages]).toEqual([provider === unasked ? undefined : wish, hello.messages]);
    }
  });
});

describe('pictures by their URL', () => {
  it.each<[string, Target['provider'], boolean]>([
    ['go as they are to a vendor who fetches', mistral, false],
    ['are put into the request to one who does not', { ...mistral, fetchesImages: false }, true],
  ])('%s', async (_what, provider, isInlined) => {
    const inlined = { ...hello, messages: [] };
    const inlineImages = async (): Promise<JsonObject> => inlined;
    const [call, target] = [callOf('chat-completions', hello), targetOf(provider, 'chat-completions')];
    const { body } = await providerRequest(call, target, { isStream: false, signal, outputCap: null, inlineImages });
    expect(JSON.parse(String(Buffer.from(body)))).toEqual(isInlined ? inlined : hello);
  });
});

describe('a request of our own', () => {
  it('is made for whoever is asked', async () => {
    const bodyFor = ({ provider }: Target): JsonObject => ({ ...hello, [provider.outputLimitField]: 9 });
    const call: Call = { ...callOf('chat-completions', { ...hello, max_tokens: 9 }), bodyFor };
    expect(await sent(call, targetOf(openai, 'chat-completions'))).toEqual({ ...hello, max_completion_tokens: 9 });
    expect(await sent(call, targetOf(mistral, 'chat-completions'))).toEqual({ ...hello, max_tokens: 9 });
  });
});
