import type { OpenAI } from 'openai';
import { z } from 'zod';
import { chatAnswer } from './openai-chat.ts';
import { responsesAnswer } from './openai-responses.ts';
import { unknownModel, type VendorScript } from './vendor-script.ts';
import {
  startVendor,
  type FakeVendor,
  type VendorAnswer,
  type VendorError,
  type VendorRequest,
} from './vendor-server.ts';

export type FakeOpenAiOptions = {
  /** What `/v1/models` lists. */
  models?: readonly string[];
};

const defaultModels = ['gpt-5', 'gpt-4o', 'gpt-4o-mini', 'text-embedding-3-small'];

/** A vendor that speaks OpenAI's protocol on a real port: `new OpenAI({ baseURL: url + '/v1', apiKey })`. */
export async function createFakeOpenAi({ models = defaultModels }: FakeOpenAiOptions = {}): Promise<FakeVendor> {
  const apiKey = 'sk-fake-openai-0123456789';
  let served = 0;
  return await startVendor({
    apiKey,
    headers: () => {
      served += 1;
      return { 'x-request-id': `req_fake_${served}`, 'openai-version': '2020-10-01', 'openai-processing-ms': '1' };
    },
    refuse: ({ headers }) => refusal(headers.authorization, apiKey),
    error: errorBody,
    answer: (request, script) => {
      const { method, path } = request;
      const route = routes[`${method} ${path}`];
      if (route) return route(request, script);
      if (method === 'GET' && path === '/v1/models') return { json: modelList(models) };
      const model = /^GET \/v1\/models\/(.+)$/.exec(`${method} ${path}`)?.[1];
      if (model === undefined) return invalid(404, `Invalid URL (${method} ${path})`);
      return models.includes(model) ? { json: modelCard(model) } : notFound(model);
    },
  });
}

const ModelField = z.object({ model: z.string() });
const ChatRequest = ModelField.extend({
  messages: z.array(z.looseObject({ role: z.string() })).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
});
const ResponsesRequest = ModelField.extend({
  input: z.union([z.string(), z.array(z.unknown())]),
  stream: z.boolean().nullish(),
});
const EmbeddingsRequest = ModelField.extend({
  input: z.union([
    z.string().transform((text) => [text]),
    z.array(z.string()).min(1),
    z
      .array(z.int())
      .min(1)
      .transform((tokens) => [tokens.join(' ')]),
    z
      .array(z.array(z.int()).min(1))
      .min(1)
      .transform((inputs) => inputs.map((tokens) => tokens.join(' '))),
  ]),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.int().min(1).default(8),
});

type Route = (request: VendorRequest, script: VendorScript) => VendorAnswer | VendorError;

const routes: Record<string, Route | undefined> = {
  'POST /v1/chat/completions': checked(ChatRequest, (body, script) => {
    if (body.stream_options && !body.stream) {
      return invalid(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options');
    }
    return chatAnswer(body, script);
  }),
  'POST /v1/responses': checked(ResponsesRequest, responsesAnswer),
  'POST /v1/embeddings': checked(EmbeddingsRequest, (body) => ({ json: embeddings(body) })),
};

function checked<Body extends { model: string }>(
  schema: z.ZodType<Body>,
  answer: (body: Body, script: VendorScript) => VendorAnswer | VendorError,
): Route {
  return (request, script) => {
    const parsed = schema.safeParse(request.body);
    if (!parsed.success) {
      const param = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
      return invalid(400, param ? `Missing or invalid parameter: '${param}'.` : 'The body is not JSON.', param || null);
    }
    return parsed.data.model === unknownModel ? notFound(unknownModel) : answer(parsed.data, script);
  };
}

function refusal(authorization: string | undefined, apiKey: string): VendorError | null {
  if (authorization === `Bearer ${apiKey}`) return null;
  if (authorization === undefined) return invalid(401, "You didn't provide an API key.");
  return invalid(401, 'Incorrect API key provided.', null, 'invalid_api_key');
}

function invalid(
  status: number,
  message: string,
  param: string | null = null,
  code: string | null = null,
): VendorError {
  return { status, body: { error: { message, type: 'invalid_request_error', param, code } } };
}

function notFound(model: string): VendorError {
  return invalid(
    404,
    `The model \`${model}\` does not exist or you do not have access to it.`,
    null,
    'model_not_found',
  );
}

/** By https://platform.openai.com/docs/guides/error-codes. */
const errorKinds: Record<number, { type: string; code: string | null } | undefined> = {
  401: { type: 'invalid_request_error', code: 'invalid_api_key' },
  429: { type: 'requests', code: 'rate_limit_exceeded' },
};

function errorBody(status: number): object {
  const kind = status >= 500 ? { type: 'server_error', code: null } : errorKinds[status];
  const { type, code } = kind ?? { type: 'invalid_request_error', code: null };
  return { error: { message: `The fake vendor was told to answer ${status}.`, type, param: null, code } };
}

function modelCard(id: string): OpenAI.Model {
  return { id, object: 'model', created: 1_700_000_000, owned_by: 'fake' };
}

function modelList(models: readonly string[]): object {
  return { object: 'list', data: models.map(modelCard) };
}

/** Vectors that depend on the length of the text only, which is enough to tell one input from another. */
function embeddings({ model, input, encoding_format, dimensions }: z.output<typeof EmbeddingsRequest>): object {
  const data = input.map((text, index) => {
    const vector = Float32Array.from({ length: dimensions }, (_, i) => Math.fround(text.length / (i + 1)));
    const embedding = encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding', index, embedding };
  });
  return { object: 'list', model, data, usage: { prompt_tokens: input.length, total_tokens: input.length } };
}
