import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { asUser, createTestChat } from '../testing/chat-app.ts';

const AnthropicProblemSchema = z.object({
  type: z.literal('error'),
  error: z.object({ type: z.string(), message: z.string() }),
});
const { app } = createTestChat();
const tools = Array.from({ length: 5_000 }, () => ({ type: 'function', name: 'f', input_schema: {} }));
const many = (count: number, value: unknown): unknown[] => Array.from({ length: count }, () => value);

const requests = {
  '/v1/responses': { model: 'local/echo', input: 'hi' },
  '/v1/messages/count_tokens': { model: 'local/echo', messages: [{ role: 'user', content: 'hi' }] },
  '/v1/embeddings': { model: 'local/echo', input: 'hi' },
};

describe.each<[keyof typeof requests, string, unknown]>([
  ['/v1/responses', 'model', 'local/../../etc/passwd'],
  ['/v1/responses', 'tools', tools],
  ['/v1/responses', 'input', many(10_001, { role: 'user', content: 'hi' })],
  ['/v1/responses', 'max_output_tokens', -1],
  ['/v1/responses', 'max_output_tokens', 1e9],
  ['/v1/responses', 'max_output_tokens', 1.5],
  ['/v1/embeddings', 'model', '../local/echo'],
  ['/v1/embeddings', 'input', many(2_049, 'hi')],
  ['/v1/embeddings', 'dimensions', -1],
])('%s with a bad %s', (path, field, value) => {
  it('is 422 naming the field', async () => {
    const answer = await post(path, { ...requests[path], [field]: value });
    const problem = ProblemSchema.parse(await answer.json());
    expect(problem).toMatchObject({ status: 422, code: 'validation_failed' });
    expect(problem.errors?.[0]?.path).toMatch(new RegExp(`^${field}(\\.|$)`));
  });
});

describe.each([
  ['model', 'a/../b'],
  ['tools', tools],
  ['max_tokens', -1],
  ['max_tokens', 1e9],
  ['max_tokens', 1.5],
  ['messages', []],
])('/v1/messages with a bad %s', (field, value) => {
  it('is 422 in Anthropic’s words, naming the field', async () => {
    const request = { ...requests['/v1/messages/count_tokens'], max_tokens: 10, [field]: value };
    const answer = await post('/v1/messages', request);
    const problem = AnthropicProblemSchema.parse(await answer.json());
    expect([answer.status, problem.error.type]).toEqual([422, 'invalid_request_error']);
    expect(problem.error.message).toMatch(new RegExp(`^${field}`));
  });
});

describe('a body that is nested', () => {
  it.each([65, 100_000])('%i levels deep is 400 on every route', async (depth) => {
    const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    for (const path of ['/v1/chat/completions', '/v1/messages', ...Object.keys(requests)]) {
      expect([path, (await send(path, `{"model":"local/echo","x":${nested}}`)).status]).toEqual([path, 400]);
    }
  });
});

async function post(path: string, body: object): Promise<Response> {
  return await send(path, JSON.stringify(body));
}

async function send(path: string, body: string): Promise<Response> {
  const headers = { ...asUser('chat:write'), 'content-type': 'application/json' };
  return await app.request(path, { method: 'POST', headers, body });
}
