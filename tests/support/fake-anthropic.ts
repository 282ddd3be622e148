import type { Anthropic } from '@anthropic-ai/sdk';
import { z } from 'zod';
import { messageAnswer } from './anthropic-messages.ts';
import {
  startVendor,
  type FakeVendor,
  type VendorAnswer,
  type VendorError,
  type VendorRequest,
} from './vendor-server.ts';
import { unknownModel, type VendorScript } from './vendor-script.ts';

export type FakeAnthropicOptions = {
  /** What `/v1/models` lists. */
  models?: readonly string[];
};

const defaultModels = ['claude-opus-4-5', 'claude-sonnet-4-6', 'claude-haiku-4-5'];

/** A vendor that speaks Anthropic's protocol on a real port: `new Anthropic({ baseURL: url, apiKey })`. */
export async function createFakeAnthropic({ models = defaultModels }: FakeAnthropicOptions = {}): Promise<FakeVendor> {
  const apiKey = 'sk-ant-fake-0123456789';
  let served = 0;
  return await startVendor({
    apiKey,
    headers: () => {
      served += 1;
      return { 'request-id': `req_fake_${served}`, 'anthropic-organization-id': 'org_fake' };
    },
    refuse: ({ headers }) => refusal(headers, apiKey),
    error: errorBody,
    answer: (request, script) => {
      const { method, path } = request;
      const route = routes[`${method} ${path}`];
      if (route) return route(request, script);
      if (method === 'GET' && path === '/v1/models') return { json: modelList(models) };
      const model = /^GET \/v1\/models\/(.+)$/.exec(`${method} ${path}`)?.[1];
      if (model === undefined) return failure(404, 'Not Found');
      return models.includes(model) ? { json: modelCard(model) } : failure(404, `model: ${model}`);
    },
  });
}

const CountRequest = z.object({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant']), content: z.unknown() })).min(1),
});
const MessagesRequest = CountRequest.extend({ max_tokens: z.int().min(1), stream: z.boolean().optional() });

type Route = (request: VendorRequest, script: VendorScript) => VendorAnswer | VendorError;

const routes: Record<string, Route | undefined> = {
  'POST /v1/messages': checked(MessagesRequest, messageAnswer),
  'POST /v1/messages/count_tokens': checked(CountRequest, (body) => ({
    json: { input_tokens: Math.ceil(JSON.stringify(body.messages).length / 4) } satisfies Anthropic.MessageTokensCount,
  })),
};

function checked<Body extends { model: string }>(
  schema: z.ZodType<Body>,
  answer: (body: Body, script: VendorScript) => VendorAnswer,
): Route {
  return (request, script) => {
    const parsed = schema.safeParse(request.body);
    if (parsed.success) {
      const { model } = parsed.data;
      return model === unknownModel ? failure(404, `model: ${model}`) : answer(parsed.data, script);
    }
    const issue = parsed.error.issues[0];
    return failure(400, `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  };
}

function refusal(headers: VendorRequest['headers'], apiKey: string): VendorError | null {
  const key = headers['x-api-key'];
  if (key === undefined) return failure(401, 'x-api-key header is required');
  if (key !== apiKey) return failure(401, 'invalid x-api-key');
  if (headers['anthropic-version'] === undefined) return failure(400, 'anthropic-version: header is required');
  return null;
}

function failure(status: number, message: string): VendorError {
  return { status, body: { type: 'error', error: { type: errorType(status), message }, request_id: 'req_fake' } };
}

function errorBody(status: number): object {
  return failure(status, `The fake vendor was told to answer ${status}.`).body;
}

/** By https://docs.claude.com/en/api/errors. */
const errorTypes: Record<number, string | undefined> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

function errorType(status: number): string {
  return errorTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

function modelCard(id: string): Anthropic.ModelInfo {
  return {
    id,
    type: 'model',
    display_name: id,
    created_at: '2025-01-01T00:00:00Z',
    capabilities: null,
    deprecated_at: null,
    lifecycle: 'active',
    line: null,
    max_input_tokens: 200_000,
    max_tokens: 64_000,
    retires_at: null,
  };
}

function modelList(models: readonly string[]): object {
  return { data: models.map(modelCard), has_more: false, first_id: models[0] ?? null, last_id: models.at(-1) ?? null };
}
