import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { claude, jsonOf, startGaiaChats, type GaiaChats } from '../../../../tests/support/gaia-chats.ts';

let chats: GaiaChats;
beforeAll(async () => {
  chats = await startGaiaChats();
});
afterEach(async () => await chats.reset());
afterAll(async () => await chats.close());

const messages = [{ role: 'user', content: 'hello' }];

describe('a protocol without streams', () => {
  it('takes no notice of the wish for one', async () => {
    const me = chats.person();
    const embedding = { model: 'local/embed', input: 'hello', stream: true };
    expect(await jsonOf(me.post('/v1/embeddings', embedding))).toMatchObject({ object: 'list' });
    const count = { model: claude, messages, stream: true };
    expect(Object.keys(await jsonOf(me.post('/v1/messages/count_tokens', count)))).toEqual(['input_tokens']);
  });
});

describe('counting tokens', () => {
  it('asks the vendor that counts, costs nothing, and estimates elsewhere', async () => {
    const me = chats.person();
    const before = chats.metering.outcomes.length;
    expect(await jsonOf(me.post('/v1/messages/count_tokens', { model: claude, messages }))).toEqual({
      input_tokens: 9,
    });
    expect(chats.vendors.anthropic.requests.at(-1)?.path).toBe('/v1/messages/count_tokens');
    const counted = await chats.metering.settled(before + 1);
    expect(counted.at(-1)).toMatchObject({ operation: 'count-tokens', costMicros: 0 });
    const estimate = await jsonOf(me.post('/v1/messages/count_tokens', { model: 'gpt-4o', messages }));
    expect(estimate['input_tokens']).toBeGreaterThan(0);
    expect(chats.vendors.openai.requests).toEqual([]);
  });

  it('answers for a model that the key may not use as for none', async () => {
    const me = chats.person({ allowedModels: ['gpt-4o'] });
    const problem = await jsonOf(me.post('/v1/messages/count_tokens', { model: claude, messages }), 404);
    expect(problem).toMatchObject({ type: 'error', error: { type: 'not_found_error' } });
    expect(chats.vendors.anthropic.requests).toEqual([]);
  });
});
