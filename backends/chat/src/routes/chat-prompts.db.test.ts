import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  claude,
  gpt,
  jsonOf,
  llama,
  madeId,
  startGaiaChats,
  systemPromptOf,
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

describe('a persona', () => {
  const pirate = { name: `Pirate ${Math.random()}`, system_prompt: 'You are a pirate. {tools_section}' };

  it.each([
    ['openai', gpt],
    ['anthropic', claude],
    ['mimic', llama],
  ] as const)('is the system prompt at %s', async (vendor, model) => {
    const id = await madeId(me.post('/api/v0.2/personas', pirate));
    await jsonOf(me.post(chat, { message: 'x', model, persona_id: id }));
    expect(systemPromptOf(chats.lastBody(vendor))).toContain('You are a pirate.');
    expect(systemPromptOf(chats.lastBody(vendor))).not.toContain('{tools_section}');
    expect(JSON.stringify(chats.lastBody(vendor))).not.toContain('You are Mu');
  });

  it('that the user chose answers from then on, and Mu before, also where the caller keeps the history', async () => {
    const messages = [{ role: 'user', content: 'x' }];
    await jsonOf(me.post(chat, { messages, model: gpt }));
    expect(systemPromptOf(chats.lastBody('openai'))).toContain('You are Mu');
    const id = await madeId(me.post('/api/v0.2/personas', { ...pirate, name: `P ${Math.random()}` }));
    await jsonOf(me.post('/api/v0.2/personas/set', { persona_id: id }));
    await jsonOf(me.post(chat, { messages, model: gpt }));
    expect(systemPromptOf(chats.lastBody('openai'))).toBe('You are a pirate.');
  });
});

describe('messages', () => {
  const messages = [
    { role: 'user', content: 'my name is Ada' },
    { role: 'assistant', content: 'hello Ada' },
    { role: 'user', content: 'who am I?' },
  ];

  it('without a conversation are sent as they are, and nothing is stored', async () => {
    const body = await jsonOf(me.post(chat, { messages, model: gpt }));
    expect(body).toMatchObject({ response: 'Hello, world!', conversation_id: null });
    expect(chats.lastBody('openai')).toMatchObject({ messages: [{ role: 'system' }, ...messages] });
    expect(await chats.messages(me)).toEqual([]);
  });

  it('with a conversation have the last question and its answer stored', async () => {
    const body = await jsonOf(me.post(chat, { messages, conversation_id: 'new', model: gpt }));
    expect(body).toMatchObject({ conversation_id: anId });
    expect(chats.lastBody('openai')).toMatchObject({ messages: [{ role: 'system' }, ...messages] });
    expect((await chats.messages(me)).map(({ content }) => content)).toEqual(['who am I?', 'Hello, world!']);
  });

  it('have a message behind them, where there is one', async () => {
    await jsonOf(me.post(chat, { messages, message: 'and you?', model: gpt }));
    expect(chats.lastBody('openai')).toMatchObject({
      messages: [{}, ...messages, { role: 'user', content: 'and you?' }],
    });
  });
});
