import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asUser, createTestChat } from '../../backends/chat/src/testing/chat-app.ts';
import { standIn } from '../../backends/chat/src/testing/stand-in-provider.ts';
import { serve, type Listening } from '../../shared/service/serve.ts';
import { silentLog } from '../support/silent-log.ts';

const soon = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10);
const models = [
  { id: 'gpt-4o', name: 'GPT-4o', endsOn: soon, contextWindow: 128_000, maxOutputTokens: 16_384 },
  { id: 'claude', name: 'Claude' },
];
const defaultHeaders = asUser('chat:read');

let server: Listening;

beforeAll(async () => {
  const { app } = createTestChat({ providers: [standIn('openai', models)] });
  server = await serve({ app, host: '127.0.0.1', port: 0, log: silentLog });
});

afterAll(async () => {
  await server.close(0);
});

describe('the models, as the stock SDKs read them', () => {
  it('are OpenAI’s, with the day on which one ends', async () => {
    const client = new OpenAI({
      baseURL: `http://127.0.0.1:${server.port}/v1`,
      apiKey: 'any',
      maxRetries: 0,
      defaultHeaders,
    });
    const listed = [];
    for await (const model of client.models.list()) listed.push(model);
    expect(listed.map(({ id, object, owned_by: owner }) => [id, object, owner])).toEqual([
      ['gpt-4o', 'model', 'openai'],
      ['claude', 'model', 'openai'],
    ]);
    expect((await client.models.retrieve('gpt-4o')).shutdown_date).toBe(soon);
    expect((await client.models.retrieve('claude')).shutdown_date).toBeNull();
  });

  it('are Anthropic’s, on one page', async () => {
    const client = new Anthropic({
      baseURL: `http://127.0.0.1:${server.port}`,
      apiKey: 'any',
      maxRetries: 0,
      defaultHeaders,
    });
    const listed = [];
    for await (const model of client.models.list()) listed.push(model);
    expect(listed.map(({ id, type, display_name: name }) => [id, type, name])).toEqual([
      ['gpt-4o', 'model', 'GPT-4o'],
      ['claude', 'model', 'Claude'],
    ]);
    expect(await client.models.retrieve('gpt-4o')).toMatchObject({ max_input_tokens: 128_000, max_tokens: 16_384 });
    await expect(client.models.retrieve('nothing')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  });
});
