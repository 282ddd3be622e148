import { afterAll, beforeAll, expect, describe, it } from 'vitest';
import { startChatPeople, type ChatPeople, type Person } from '../../../../tests/support/chat-people.ts';

let chat: ChatPeople;
beforeAll(async () => {
  chat = await startChatPeople();
});
afterAll(async () => {
  await chat.close();
});

const current = async (who: Person): Promise<unknown> => (await who.call('GET', '/api/v0.2/personas/current')).body;

describe('what is kept of personas', () => {
  it('is counted and forgotten for each user apart', async () => {
    const [me, other] = [chat.person(), chat.person()];
    const status = async (who: Person) => (await who.call('GET', '/api/v0.2/chat/stream/cache/status')).body;
    expect(await status(me)).toMatchObject({ entries: 0, hits: 0, misses: 0, hit_rate: null, ttl_seconds: 60 });
    for (let i = 0; i < 4; i++) await current(me);
    await current(other);
    expect(await status(me)).toMatchObject({ entries: 1, hits: 3, misses: 1, hit_rate: 0.75 });
    const dropped = await me.call('POST', '/api/v0.2/chat/stream/cache/invalidate');
    expect(dropped.body).toMatchObject({ status: 'success', api_version: 'v0.2', dropped_entries: 1 });
    expect(await status(me)).toMatchObject({ entries: 0, hits: 3 });
    expect(await status(other)).toMatchObject({ entries: 1, hits: 0, misses: 1 });
    await current(me);
    expect((await me.call('POST', '/api/v1/chat/reload-prompt')).body).toEqual({
      status: 'success',
      message: 'Your persona is read anew at the next message',
      api_version: 'v1',
    });
    expect(await status(me)).toMatchObject({ entries: 0 });
  });
});
