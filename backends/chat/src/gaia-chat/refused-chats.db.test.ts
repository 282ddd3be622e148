import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import {
  claude,
  gpt,
  jsonOf,
  startGaiaChats,
  type GaiaChats,
  type Talker,
} from '../../../../tests/support/gaia-chats.ts';

let chats: GaiaChats;
let me: Talker;
beforeAll(async () => {
  chats = await startGaiaChats();
});
beforeEach(() => {
  me = chats.person();
});
afterEach(async () => await chats.reset());
afterAll(async () => await chats.close());

const model = `openai/${gpt}`;
const sendings: [string, object][] = [
  ['/api/v0.2/chat', { message: 'hello', model }],
  ['/api/v0.2/chat', { message: 'hello', model, stream: true }],
  ['/api/v0.2/chat/stream', { message: 'hello', model }],
  ['/api/v1/chat', { message: 'hello', model }],
  ['/api/v1/chat/completions', { message: 'hello', model, stream: true }],
  ['/api/v0.3/chat', { message: 'hello' }],
  ['/api/v0.3/chat', { message: 'hello', stream: true }],
];

const conversations = async (): Promise<unknown[]> =>
  await chats.rows('select title, preview, turn_lease from conversations where user_id = $1', [me.principal.userId]);

describe('a message that is refused leaves nothing behind', () => {
  it.each(sendings)('at %s with %j', async (path, body) => {
    chats.metering.refuseNext(new AppError('budget_exceeded', 'nothing is left'));
    expect(await jsonOf(me.post(path, body), 429)).toMatchObject({ code: 'budget_exceeded' });
    expect([await conversations(), await chats.messages(me), chats.asked()]).toEqual([[], [], 0]);
  });

  it('in a conversation that has others, which goes on', async () => {
    const { conversation_id } = await jsonOf(me.post('/api/v0.2/chat', { message: 'one', model }));
    const before = [await conversations(), await chats.messages(me)];
    for (const [path, body] of sendings) {
      chats.metering.refuseNext(new AppError('rate_limited', 'too many'));
      await jsonOf(me.post(path, { ...body, conversation_id }), 429);
    }
    expect([await conversations(), await chats.messages(me)]).toEqual(before);
    await jsonOf(me.post('/api/v0.2/chat', { message: 'two', model, conversation_id }));
    expect(await chats.messages(me)).toHaveLength(4);
  });

  it('because it wants what its model has not', async () => {
    const fields = { model: claude, response_format: { type: 'json_object' } };
    await jsonOf(me.post('/api/v0.2/chat', { message: 'x', ...fields }), 422);
    expect([await conversations(), await chats.messages(me), chats.asked()]).toEqual([[], [], 0]);
  });

  it.each([{}, { stream: true }])('because its vendor does not take it, with %j', async (fields) => {
    chats.vendors.openai.next({ status: 400 });
    await jsonOf(me.post('/api/v0.2/chat', { message: 'x', model, ...fields }), 400);
    expect([await conversations(), await chats.messages(me)]).toEqual([[], []]);
  });

  it('because this process is busy; its sender does not wait for that', async () => {
    chats.metering.refuseNext(new AppError('unavailable', 'busy'));
    await jsonOf(me.post('/api/v0.2/chat', { message: 'x', model }), 503);
    expect([await chats.ended(me), await conversations()]).toEqual([[], []]);
  });

  it('because too many calls run here: nothing is even begun', async () => {
    const busy = await startGaiaChats({ maxCalls: 0 });
    try {
      const person = busy.person();
      for (const [path, body] of sendings) {
        expect(await jsonOf(person.post(path, body), 503)).toMatchObject({ code: 'unavailable' });
      }
      expect(await busy.rows('select from users where id = $1', [person.principal.userId])).toEqual([]);
    } finally {
      await busy.close();
    }
  });

  it('unless its sender was told of the conversation before', async () => {
    chats.vendors.openai.next({ status: 400 });
    const text = await (await me.post('/api/v0.2/chat/stream', { message: 'x', model })).text();
    expect(text).toContain('"type":"start"');
    expect(text).not.toContain('[DONE]');
    expect(await chats.ended(me)).toMatchObject([{ role: 'user', content: 'x', status: 'unanswered' }]);
  });
});

it('a message whose model failed stays, unanswered', async () => {
  chats.vendors.openai.next({ status: 500 });
  await jsonOf(me.post('/api/v0.2/chat', { message: 'x', model, enable_fallback: false }), 502);
  expect(await chats.ended(me)).toMatchObject([{ role: 'user', content: 'x', status: 'unanswered' }]);
});
