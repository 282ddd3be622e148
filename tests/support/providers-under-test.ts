import { APIError as AnthropicError } from '@anthropic-ai/sdk/core/error';
import { APIError as OpenAiError } from 'openai/core/error';
import type { ChatProvider, ProviderCall } from '../../backends/chat/src/completion/chat-provider.ts';
import type { Protocol } from '../../backends/chat/src/protocols/protocol.ts';
import {
  createAnthropicProvider,
  createOpenAiCompatibleProvider,
  createOpenAiProvider,
} from '../../backends/chat/src/providers/index.ts';
import { createFakeAnthropic } from './fake-anthropic.ts';
import { createFakeOpenAi } from './fake-openai.ts';
import type { FakeVendor } from './vendor-server.ts';

const openAiMessages = [{ role: 'user', content: 'Hi' }];
const image = {
  openAi: { url: 'https://images.test/cat.png' },
  anthropic: { type: 'url', url: 'https://images.test/cat.png' },
};

type Kind = {
  create: typeof createOpenAiProvider;
  startVendor: () => Promise<FakeVendor>;
  /** What the base URL has after the vendor's address. */
  prefix: string;
  sdkError: typeof OpenAiError | typeof AnthropicError;
  speaks?: readonly Protocol[];
};

const openAiKind: Kind = {
  create: createOpenAiProvider,
  startVendor: createFakeOpenAi,
  prefix: '/v1',
  sdkError: OpenAiError,
};
const anthropicKind: Kind = {
  create: createAnthropicProvider,
  startVendor: createFakeAnthropic,
  prefix: '',
  sdkError: AnthropicError,
};
const compatibleKind: Kind = { ...openAiKind, create: createOpenAiCompatibleProvider };

const chat = {
  protocol: 'chat-completions',
  path: '/v1/chat/completions',
  body: { model: 'gpt-4o', messages: openAiMessages, temperature: 0.3 },
  vision: { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: image.openAi }] }] },
} as const;
const responses = {
  protocol: 'responses',
  path: '/v1/responses',
  body: { model: 'gpt-5', input: 'Hi' },
  vision: { input: [{ role: 'user', content: [{ type: 'input_image', image_url: image.openAi.url }] }] },
} as const;
const messages = {
  protocol: 'messages',
  path: '/v1/messages',
  body: { model: 'claude-sonnet-4-6', max_tokens: 100, messages: openAiMessages, temperature: 0.3 },
  vision: { messages: [{ role: 'user', content: [{ type: 'image', source: image.anthropic }] }] },
} as const;
const embeddings = {
  protocol: 'embeddings',
  path: '/v1/embeddings',
  body: { model: 'text-embedding-3-small', input: ['Hi', 'there'] },
} as const;
const countTokens = {
  protocol: 'count-tokens',
  path: '/v1/messages/count_tokens',
  body: { model: 'claude-sonnet-4-6', messages: openAiMessages },
} as const;

/** Each provider with each protocol that it streams. */
export const streaming = [
  { name: 'openai-compatible, chat completions', kind: compatibleKind, ...chat },
  { name: 'openai-compatible, responses', kind: { ...compatibleKind, speaks: ['responses'] as const }, ...responses },
  { name: 'openai, chat completions', kind: openAiKind, ...chat },
  { name: 'openai, responses', kind: openAiKind, ...responses },
  { name: 'anthropic, messages', kind: anthropicKind, ...messages },
];

/** Each provider with each protocol, also those that have no streams. */
export const speaking = [
  ...streaming,
  { name: 'openai-compatible, embeddings', kind: compatibleKind, ...embeddings },
  { name: 'openai, embeddings', kind: openAiKind, ...embeddings },
  { name: 'anthropic, count tokens', kind: anthropicKind, ...countTokens },
];

export type Spoken = { name: string; kind: Kind; protocol: Protocol; path: string; body: { model: string } };

export type UnderTest = {
  vendor: FakeVendor;
  provider: ChatProvider;
  call: (fields?: object, signal?: AbortSignal) => ProviderCall;
  /** What the vendor answers to whoever asks it directly. */
  direct: (fields?: object) => Promise<Buffer>;
  close: () => Promise<void>;
};

export type UnderTestOptions = {
  /** Where the provider believes its vendor to be. */
  address?: (vendor: FakeVendor) => string;
  apiKey?: string;
  headers?: Record<string, string>;
  timeouts?: { connectMs: number; idleMs: number; totalMs: number };
};

const patient = { connectMs: 5_000, idleMs: 10_000, totalMs: 10_000 };

/** A provider in front of a vendor of its own. */
export async function startUnderTest(spoken: Spoken, options: UnderTestOptions = {}): Promise<UnderTest> {
  const { kind, protocol, path, body } = spoken;
  const vendor = await kind.startVendor();
  const provider = kind.create({
    id: 'acme',
    name: 'Acme',
    baseUrl: (options.address?.(vendor) ?? vendor.url) + kind.prefix,
    apiKey: options.apiKey ?? vendor.apiKey,
    models: null,
    timeouts: options.timeouts ?? patient,
    ...(kind.speaks && { speaks: kind.speaks }),
    ...(options.headers && { headers: options.headers }),
  });
  return {
    vendor,
    provider,
    call: (fields = {}, signal = new AbortController().signal) => ({
      protocol,
      model: body.model,
      body: Buffer.from(JSON.stringify({ ...body, ...fields })),
      headers: {},
      requestId: 'request-0001',
      signal,
    }),
    direct: async (fields = {}) => {
      const credentials = {
        authorization: `Bearer ${vendor.apiKey}`,
        'x-api-key': vendor.apiKey,
        'anthropic-version': '2023-06-01',
      };
      const headers = { ...credentials, 'content-type': 'application/json' };
      const answer = await fetch(vendor.url + path, {
        method: 'POST',
        headers,
        body: JSON.stringify({ ...body, ...fields }),
      });
      return Buffer.from(await answer.arrayBuffer());
    },
    close: async () => {
      await provider.close();
      await vendor.close();
    },
  };
}

/** Everything that a log or an answer could show of an error. */
export function visibleIn(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return [JSON.stringify(error), error.message, error.stack, visibleIn(error.cause)].join('\n');
}
