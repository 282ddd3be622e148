import { describe, expect, it } from 'vitest';
import { Recommendation } from '#shared/contracts/chat.ts';
import { knownModels, measure } from '../testing/known-models.ts';
import type { ModelChat } from '../testing/stand-in-provider.ts';

describe('POST /api/v0.2/models/recommend', () => {
  const post = (body: unknown) => ({ method: 'POST', body: JSON.stringify(body) });
  const recommend = async (from: Pick<ModelChat, 'get'>, body: unknown) =>
    Recommendation.strict().parse(await from.get('/api/v0.2/models/recommend', post(body)));

  it('recommends by priority, says why, how sure it is and what it costs', async () => {
    const measured = knownModels();
    measure(measured, 'quick', 200);
    const answer = await recommend(measured, { priority: 'cost', message: 'x'.repeat(4_000) });
    expect(answer).toMatchObject({
      recommended_model: 'quick',
      provider: 'openai',
      confidence: 0.66,
      estimated_cost: 0.003,
      estimated_response_time_ms: 200,
      expected_tokens: { input: 1_000, output: 500 },
      warnings: [],
    });
    expect(answer.reasoning).toContain('began after 200 ms (3 measured)');
    expect(answer.alternatives.map(({ model }) => model)).toEqual(['wise', 'anthropic/wise']);
    expect(answer.alternatives[1]).toMatchObject({ estimated_cost: null, estimated_response_time_ms: null });
    expect((await recommend(measured, { priority: 'quality' })).recommended_model).toBe('wise');
  });

  it('leaves out what was measured too slow, and what cannot do what is needed', async () => {
    const measured = knownModels();
    measure(measured, 'wise', 900);
    const answer = await recommend(measured, { priority: 'quality', max_response_time_ms: 500 });
    expect([answer.recommended_model, ...answer.alternatives.map(({ model }) => model)]).not.toContain('wise');
    expect((await recommend(measured, { context_type: 'multimodal' })).recommended_model).toBe('wise');
    const impossible = { required_capabilities: ['vision'], max_response_time_ms: 500 };
    expect((await measured.request('/api/v0.2/models/recommend', post(impossible))).status).toBe(404);
  });

  it('stays with the provider that was asked for, by any of its names', async () => {
    expect((await recommend(knownModels(), { provider: 'claude' })).recommended_model).toBe('anthropic/wise');
    expect((await knownModels().request('/api/v0.2/models/recommend', post({ provider: 'nobody' }))).status).toBe(404);
  });

  it('takes a body with nothing in it, and fields that it does not know', async () => {
    expect((await recommend(knownModels(), {})).recommended_model).toBe('wise');
    expect((await recommend(knownModels(), { user_preferences: { a: 1 }, priority: null })).provider).toBe('openai');
  });

  it.each([
    { priority: 'cheap' },
    { context_type: 'generic' },
    { max_response_time_ms: 0 },
    { max_response_time_ms: 1.5 },
    { input_tokens: -1 },
    { output_tokens: 1e9 },
    { required_capabilities: 'vision' },
    { message: 1 },
    [],
    null,
  ])('refuses %j', async (body) => {
    expect((await knownModels().request('/api/v0.2/models/recommend', post(body))).status).toBe(422);
  });

  it('never recommends what the key may not use', async () => {
    const restricted = knownModels().as({ allowedModels: ['quick'] });
    const answer = await recommend(restricted, { priority: 'quality' });
    expect(answer).toMatchObject({ recommended_model: 'quick', alternatives: [] });
  });
});
