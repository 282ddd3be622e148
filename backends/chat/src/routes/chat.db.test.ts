import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { chat as chatContract } from '#shared/contracts/chat.ts';
import {
  claude,
  gpt,
  jsonOf,
  llama,
  startGaiaChats,
  systemPromptOf,
  thinkingGpt,
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
const nowhere = '99999999-9999-4999-8999-999999999999';

describe('POST /api/v0.2/chat', () => {
  it('answers in exactly the documented shape, and stores both messages', async () => {
    const body = await jsonOf(me.post(chat, { message: 'hello', stream: false, model: gpt }));
    expect(body).toEqual({
      response: 'Hello, world!',
      provider: 'openai',
      model: gpt,
      usage: { input_tokens: 9, output_tokens: 4, total_tokens: 13 },
      response_time_ms: aTime,
      fallback_used: false,
      conversation_id: anId,
    });
    expect(chatContract.answers[200]?.schema?.safeParse(body).success).toBe(true);
    expect(await chats.messages(me)).toMatchObject([
      { role: 'user', content: 'hello', status: 'completed', conversation_id: body['conversation_id'] },
      {
        role: 'assistant',
        content: 'Hello, world!',
        status: 'completed',
        model: gpt,
        provider: 'openai',
        tokens_used: 13,
      },
    ]);
    await chats.ended(me);
  });

  it('goes on in a conversation with what was said in it', async () => {
    const first = await jsonOf(me.post(chat, { message: 'one', conversation_id: 'new', model: gpt }));
    const next = { message: 'two', model: gpt, conversation_id: first['conversation_id'] };
    const second = await jsonOf(me.post(chat, next));
    expect(second['conversation_id']).toBe(first['conversation_id']);
    expect(chats.lastBody('openai')).toMatchObject({
      messages: [
        { role: 'system' },
        { role: 'user', content: 'one' },
        { role: 'assistant', content: 'Hello, world!' },
        { role: 'user', content: 'two' },
      ],
    });
    expect(await chats.messages(me)).toHaveLength(4);
  });

  it('keeps the prompt and the newest turns of a conversation that has become too long', async () => {
    const { conversation_id } = await jsonOf(me.post(chat, { message: 'first of all', model: gpt }));
    for (const word of ['second', 'third']) {
      await jsonOf(me.post(chat, { message: `${word} ${'x'.repeat(80_000)}`, model: gpt, conversation_id }));
    }
    await jsonOf(me.post(chat, { message: 'and now?', model: gpt, conversation_id }));
    const sent = JSON.stringify(chats.lastBody('openai'));
    expect(sent).toContain('You are Mu');
    expect(sent).toContain('third');
    expect(sent).toContain('and now?');
    expect(sent).not.toContain('second');
    expect(sent).not.toContain('first of all');
  });

  it('treats empty fields, as Unity writes them, like absent ones', async () => {
    const empty = { provider: '', model: '', persona_id: '', conversation_id: '', priority: '', context_type: '' };
    const zero = {
      activity: '',
      messages: [],
      tools: [],
      required_capabilities: [],
      max_response_time_ms: 0,
      max_tokens: 0,
    };
    const body = await jsonOf(me.post(chat, { message: 'hello', ...empty, ...zero, auto_select_model: null }));
    expect(body).toMatchObject({ response: 'Hello, world!', conversation_id: anId });
  });

  it.each([
    [{}, 'message'],
    [{ message: '' }, 'message'],
    [{ message: '', messages: [] }, 'message'],
    [{ messages: [{ role: 'assistant', content: 'me' }] }, 'messages'],
    [{ message: 'x', priority: 'soon' }, 'priority'],
    [{ message: 'x', conversation_id: 'mine' }, 'conversation_id'],
    [{ message: 'x', n: 2 }, 'n'],
    [{ message: 'x', model: 'a/../x' }, 'model'],
  ])('refuses %j by the name of the field, and stores nothing', async (body, path) => {
    const problem = await jsonOf(me.post(chat, body), 422);
    expect(problem).toMatchObject({ errors: [{ path }] });
    expect(problem['detail']).not.toContain('Invalid input');
    expect(await chats.messages(me)).toEqual([]);
    expect(chats.asked()).toBe(0);
  });

  it.each([
    [{ model: 'no-such-model' }, 'model', 404],
    [{ provider: 'nobody' }, 'provider', 404],
    [{ provider: 'nobody', model: gpt }, 'provider', 404],
    [{ provider: 'anthropic', model: gpt }, 'model', 404],
    [{ model: gpt, persona_id: nowhere }, undefined, 404],
    [{ model: gpt, conversation_id: nowhere }, undefined, 404],
    [{ required_capabilities: ['telepathy'] }, undefined, 404],
  ])('stores nothing for %j, of which there is none', async (fields, path, status) => {
    const problem = await jsonOf(me.post(chat, { message: 'x', ...fields }), status);
    expect(problem).toMatchObject({ code: 'not_found', ...(path && { errors: [{ path }] }) });
    for (const stream of [true, false])
      expect((await me.post(chat, { message: 'x', ...fields, stream })).status).toBe(404);
    expect((await me.post('/api/v0.2/chat/stream', { message: 'x', ...fields })).status).toBe(404);
    expect(await chats.messages(me)).toEqual([]);
    expect(chats.asked()).toBe(0);
  });

  it('answers for a model that the key may not use as for one that does not exist', async () => {
    const limited = chats.person({ allowedModels: [claude] });
    const problem = await jsonOf(limited.post(chat, { message: 'x', model: gpt }), 404);
    expect(problem['detail']).toContain('does not exist');
    expect((await limited.post(chat, { message: 'x', provider: 'openai' })).status).toBe(404);
    expect(await jsonOf(limited.post(chat, { message: 'x' }))).toMatchObject({ model: claude });
    expect(await chats.messages(limited)).toHaveLength(2);
  });

  it('answers for a conversation of somebody else as for one that does not exist', async () => {
    const other = chats.person();
    const { conversation_id } = await jsonOf(other.post(chat, { message: 'mine', model: gpt }));
    expect((await me.post(chat, { message: 'x', model: gpt, conversation_id })).status).toBe(404);
    expect(await chats.messages(other)).toHaveLength(2);
  });

  it('asks models in the words that they know', async () => {
    await jsonOf(me.post(chat, { message: 'x', model: gpt }));
    expect(chats.lastBody('openai')).toMatchObject({ max_completion_tokens: 2_000, temperature: 0.7 });
    expect(chats.lastBody('openai')).not.toHaveProperty('max_tokens');
    await jsonOf(me.post(chat, { message: 'x', model: thinkingGpt, max_tokens: 9 }));
    expect(chats.lastBody('openai')).toMatchObject({ max_completion_tokens: 9 });
    expect(chats.lastBody('openai')).not.toHaveProperty('temperature');
    await jsonOf(me.post(chat, { message: 'x', model: llama, temperature: 0 }));
    expect(chats.lastBody('mimic')).toMatchObject({ max_tokens: 2_000, temperature: 0 });
    expect(chats.lastBody('mimic')).not.toHaveProperty('max_completion_tokens');
    await jsonOf(me.post(chat, { message: 'x', model: claude }));
    expect(chats.lastBody('anthropic')).toMatchObject({ max_tokens: 2_000 });
  });

  it('passes tools and OpenAI’s own fields on, and gives back what the model wants of the tools', async () => {
    const tools = [
      {
        type: 'function',
        function: { name: 'weather', description: 'Tells the weather', parameters: { type: 'object' } },
      },
    ];
    chats.vendors.openai.next({ toolCalls: [{ id: 'call_1', name: 'weather', arguments: { city: 'Köln' } }] });
    const body = await jsonOf(
      me.post(chat, { message: 'x', model: gpt, tools, tool_choice: 'auto', top_p: 0.5, stop: ['a'] }),
    );
    expect(chats.lastBody('openai')).toMatchObject({ tools, tool_choice: 'auto', top_p: 0.5, stop: ['a'] });
    expect(JSON.stringify(chats.lastBody('openai'))).toContain('- weather: Tells the weather');
    expect(body).toMatchObject({
      response: '',
      tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Köln"}' } }],
    });
  });

  it('tells the model of an activity, but of a generic one nothing', async () => {
    await jsonOf(me.post(chat, { message: 'x', model: gpt, activity: 'climbing "K2"' }));
    expect(systemPromptOf(chats.lastBody('openai'))).toContain(String.raw`activity: "climbing \"K2\""`);
    await jsonOf(me.post(chat, { message: 'x', model: gpt, activity: 'generic' }));
    expect(JSON.stringify(chats.lastBody('openai'))).not.toContain('activity');
  });

  it('leaves no conversation waiting when the vendor refuses or sends nothing that can be shown', async () => {
    const { conversation_id } = await jsonOf(me.post(chat, { message: 'one', model: gpt }));
    chats.vendors.openai.next({ status: 400 }, { status: 500 }, { body: { choices: [] } }, { body: '<html>' });
    for (const status of [400, 502, 502, 502]) {
      const fields = { message: `then ${status}`, model: gpt, conversation_id, enable_fallback: false };
      await jsonOf(me.post(chat, fields), status);
      await chats.ended(me);
    }
    expect(await jsonOf(me.post(chat, { message: 'last', model: gpt, conversation_id }))).toMatchObject({
      conversation_id,
    });
    expect(JSON.stringify(chats.lastBody('openai'))).not.toContain('then 5');
    const statuses = (await chats.messages(me)).map(({ status }) => status);
    expect(statuses).toEqual([
      'completed',
      'completed',
      ...Array<string>(3).fill('unanswered'),
      'completed',
      'completed',
    ]);
  });

  it('gives a refusal as the answer, and text that comes in parts', async () => {
    const answer = (message: object) => ({
      body: {
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model: gpt,
        choices: [{ index: 0, message, finish_reason: 'stop' }],
      },
    });
    chats.vendors.openai.next(answer({ role: 'assistant', content: null, refusal: 'I cannot do that' }));
    expect(await jsonOf(me.post(chat, { message: 'x', model: gpt }))).toMatchObject({ response: 'I cannot do that' });
    const content = [
      { type: 'thinking', thinking: [] },
      { type: 'text', text: 'four' },
    ];
    chats.vendors.openai.next(answer({ role: 'assistant', content }));
    expect(await jsonOf(me.post(chat, { message: 'x', model: gpt }))).toMatchObject({ response: 'four' });
  });
});

describe('who answers', () => {
  it('is the provider that was asked for, also by its older name', async () => {
    const body = await jsonOf(me.post(chat, { message: 'x', provider: 'claude' }));
    expect(body).toMatchObject({ provider: 'anthropic', model: claude, reasoning: aText });
    const named = await jsonOf(me.post(chat, { message: 'x', provider: 'claude', model: `claude/${claude}` }));
    expect(named).toMatchObject({ provider: 'anthropic', model: claude });
    expect(named).not.toHaveProperty('reasoning');
  });

  it('is never the stand-in, unless it is asked for', async () => {
    for (const priority of ['speed', 'cost', 'vr', 'quality', 'balanced']) {
      expect(await jsonOf(me.post(chat, { message: 'x', priority }))).not.toMatchObject({ provider: 'local' });
    }
    expect(await jsonOf(me.post(chat, { message: 'echo this', provider: 'local' }))).toMatchObject({
      response: 'You said: echo this',
    });
  });

  it('is another provider when that one fails, and the answer says so', async () => {
    chats.vendors.anthropic.always({ status: 500 });
    const body = await jsonOf(me.post(chat, { message: 'x', provider: 'claude' }));
    expect(body).toMatchObject({ response: 'Hello, world!', fallback_used: true });
    expect(body['provider']).not.toBe('anthropic');
    expect((await chats.messages(me)).at(-1)).toMatchObject({ provider: body['provider'], content: 'Hello, world!' });
  });

  it.each([{ force_provider: true }, { enable_fallback: false }])('is nobody else with %j', async (fields) => {
    chats.vendors.anthropic.always({ status: 500 });
    await jsonOf(me.post(chat, { message: 'x', provider: 'claude', ...fields }), 502);
    expect([chats.vendors.openai.requests, chats.vendors.mimic.requests]).toEqual([[], []]);
  });
});
