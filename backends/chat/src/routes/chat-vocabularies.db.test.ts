import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { unitedChat } from '#shared/contracts/chat.ts';
import { contractVersion } from '#shared/contract-version.ts';
import { headerNames } from '#shared/http/headers.ts';
import {
  claude,
  contentOf,
  eventsOf,
  gpt,
  jsonOf,
  startGaiaChats,
  typesOf,
  type GaiaChats,
  type Talker,
} from '../../../../tests/support/gaia-chats.ts';

let chats: GaiaChats;
let me: Talker;
beforeAll(async () => {
  chats = await startGaiaChats({ limits: { firstByteMs: 300 } });
});
beforeEach(() => {
  me = chats.person();
});
afterEach(async () => await chats.reset());
afterAll(async () => await chats.close());

const chat = '/api/v0.2/chat';
const anId: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);
const aTime: unknown = expect.any(Number);
const aText: unknown = expect.any(String);

describe('POST /api/v0.2/chat with stream', () => {
  it('sends OpenAI’s chunks, one [DONE] at the end, and before it where the answer was stored', async () => {
    const events = await eventsOf(me.post(chat, { message: 'hello', model: gpt, stream: true }));
    expect(events.filter((event) => event === '[DONE]')).toHaveLength(1);
    expect(events.at(-1)).toBe('[DONE]');
    const chunks = events.flatMap((event) => (event === '[DONE]' ? [] : [event]));
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({ id: aText, object: 'chat.completion.chunk', created: aTime, model: aText });
      expect(chunk['choices']).toHaveLength(1);
    }
    expect(contentOf(events)).toBe('Hello, world!');
    expect(chunks.at(-1)).toMatchObject({
      id: chunks[0]?.['id'],
      conversation_id: anId,
      provider: 'openai',
      fallback_used: false,
      usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
    });
    expect(await chats.messages(me)).toMatchObject([
      { content: 'hello' },
      { content: 'Hello, world!', tokens_used: 13 },
    ]);
  });

  it('answers with an HTTP error where nothing was sent yet', async () => {
    chats.vendors.openai.next({ status: 500 });
    await jsonOf(me.post(chat, { message: 'x', model: gpt, stream: true }), 502);
    expect(await chats.ended(me)).toMatchObject([{ role: 'user', status: 'unanswered' }]);
  });
});

describe('POST /api/v1/chat', () => {
  it('answers in both vocabularies at once', async () => {
    const body = await jsonOf(me.post('/api/v1/chat', { message: 'hello', model: gpt }));
    expect(unitedChat.answers[200]?.schema?.safeParse(body).success).toBe(true);
    expect(body).toMatchObject({
      id: aText,
      object: 'chat.completion',
      created: aTime,
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello, world!' }, finish_reason: 'stop' }],
      response: 'Hello, world!',
      provider: 'openai',
      model: gpt,
      conversation_id: anId,
      fallback_used: false,
      usage: { input_tokens: 9, output_tokens: 4, prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
    });
  });

  it('answers a Claude model in OpenAI’s words too', async () => {
    const body = await jsonOf(
      me.post('/api/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }], model: claude }),
    );
    expect(body).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { content: 'Hello, world!' } }],
      provider: 'anthropic',
    });
  });

  it('is what OpenAI’s SDK takes for a vendor, streamed or not', async () => {
    const openai = new OpenAI({
      baseURL: `http://127.0.0.1:${chats.port}/api/v1`,
      apiKey: 'none',
      maxRetries: 0,
      defaultHeaders: {
        [headerNames.assertion]: JSON.stringify(me.principal),
        [headerNames.contract]: String(contractVersion),
      },
    });
    const request = { model: gpt, messages: [{ role: 'user' as const, content: 'hello' }] };
    const completion = await openai.chat.completions.create({ ...request, response_format: { type: 'json_object' } });
    expect(completion.choices[0]?.message.content).toBe('Hello, world!');
    expect(completion.usage?.total_tokens).toBe(13);
    expect(chats.lastBody('openai')).toMatchObject({ response_format: { type: 'json_object' } });
    const stream = openai.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'Hello, world!' } });
    expect(final.usage?.total_tokens).toBe(13);
    chats.vendors.openai.next({ breakAfter: { events: 3, with: 'cut' } });
    await expect(openai.chat.completions.stream(request).finalChatCompletion()).rejects.toBeInstanceOf(OpenAI.APIError);
  });
});

describe('POST /api/v0.3/chat', () => {
  it('takes only a message and gives only an answer', async () => {
    const body = await jsonOf(me.post('/api/v0.3/chat', { message: 'hello' }));
    expect(body).toEqual({ response: 'Hello, world!', conversation_id: anId });
    const again = await jsonOf(me.post('/api/v0.3/chat', { message: 'and?', ...body }));
    expect(again['conversation_id']).toBe(body['conversation_id']);
    expect(await chats.messages(me)).toHaveLength(4);
  });

  it('streams the conversation, then the text, then that it is done', async () => {
    const [first, ...events] = await eventsOf(me.post('/api/v0.3/chat', { message: 'hello', stream: true }));
    expect(first).toEqual({ conversation_id: anId });
    expect(events.slice(-2)).toEqual([{ type: 'done' }, '[DONE]']);
    expect(typesOf(events.slice(0, -2)).every((type) => type === 'content')).toBe(true);
    expect(contentOf(events)).toBe('Hello, world!');
  });
});
