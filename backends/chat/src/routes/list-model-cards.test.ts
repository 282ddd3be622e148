import { describe, expect, it } from 'vitest';
import {
  CapabilityList,
  Comparison,
  ContextList,
  ModelCard,
  ModelCardList,
  ModelRankings,
  PriorityList,
  Recommendation,
  StreamModelList,
} from '#shared/contracts/chat.ts';
import { asAnonymous } from '../testing/chat-app.ts';
import { knownModels, measure } from '../testing/known-models.ts';
import type { ModelChat } from '../testing/stand-in-provider.ts';

async function cards(from: Pick<ModelChat, 'get'>, query = '') {
  return ModelCardList.strict().parse(await from.get(`/api/v0.2/models${query}`));
}

describe('GET /api/v0.2/models', () => {
  it('gives cards on which the unknown is null', async () => {
    const { models, total } = await cards(knownModels());
    expect(total).toBe(4);
    expect(models[0]).toEqual({
      id: 'wise',
      name: 'Wise',
      provider: 'openai',
      capabilities: ['chat', 'streaming', 'vision'],
      max_tokens: null,
      context_window: null,
      pricing: {
        input_tokens_per_million: 10,
        cached_input_tokens_per_million: 1,
        output_tokens_per_million: 40,
      },
      response_time_ms: null,
      quality: 0.9,
      ends_on: null,
      warnings: [],
    });
    expect(models[3]).toMatchObject({ id: 'anthropic/wise', pricing: null, quality: null });
  });

  it.each([
    ['?provider=openai', ['wise', 'quick', 'vectors']],
    ['?provider=claude', ['anthropic/wise']],
    ['?provider=nobody', []],
    ['?capability=vision', ['wise']],
    ['?capability=flying', []],
    ['?provider=openai&capability=chat&unknown=1', ['wise', 'quick']],
    ['?max_response_time_ms=10000', []],
  ])('filters by %s', async (query, expected) => {
    const { models, total } = await cards(knownModels(), query);
    expect([total, models.map(({ id }) => id)]).toEqual([expected.length, expected]);
  });

  it('counts a model as fast enough only when it was measured', async () => {
    const measured = knownModels();
    measure(measured, 'quick', 200);
    expect((await cards(measured, '?max_response_time_ms=200')).models.map(({ id }) => id)).toEqual(['quick']);
    expect((await cards(measured, '?max_response_time_ms=199')).total).toBe(0);
    expect((await cards(measured, '?max_response_time_ms=199')).filters).toEqual({ max_response_time_ms: 199 });
  });

  it.each(['0', '-1', '1.5', 'fast', ''])('refuses max_response_time_ms=%s', async (value) => {
    expect((await knownModels().request(`/api/v0.2/models?max_response_time_ms=${value}`)).status).toBe(422);
  });

  it('shows a restricted key its models only, in every list', async () => {
    const { as, ...open } = knownModels();
    for (const model of ['wise', 'quick']) measure({ as, ...open }, model, 100);
    const restricted = as({ allowedModels: ['quick'] });
    expect((await cards(restricted)).models.map(({ id }) => id)).toEqual(['quick']);
    for (const path of [
      '/api/v0.2/models/capabilities',
      '/api/v0.2/chat/stream/models',
      '/api/v0.2/chat/stream/models/performance',
      '/api/v0.2/chat/stream/models/vr-recommendation',
      '/api/v0.2/providers',
      '/api/v0.2/providers/stats',
      '/api/v0.2/performance/summary',
    ]) {
      const text = JSON.stringify(await restricted.get(path));
      expect([path, text.includes('quick'), text.includes('wise')]).toEqual([path, true, false]);
    }
  });
});

describe('GET /api/v0.2/models/{id}', () => {
  it.each(['quick', 'openai/quick', 'openai%2Fquick'])('gives the card of %s', async (id) => {
    const card = ModelCard.strict().parse(await knownModels().get(`/api/v0.2/models/${id}`));
    expect(card).toMatchObject({ provider: 'openai', context_window: 8_000 });
  });

  it.each(['unknown', 'openai/unknown', '..%2fetc'])('does not find %s', async (id) => {
    expect((await knownModels().request(`/api/v0.2/models/${id}`)).status).toBe(404);
  });

  it('does not find what the key may not use', async () => {
    const restricted = knownModels().as({ allowedModels: ['quick'] });
    expect((await restricted.request('/api/v0.2/models/wise')).status).toBe(404);
    expect((await restricted.request('/api/v0.2/models/quick')).status).toBe(200);
  });
});

describe('GET /api/v0.2/models/compare', () => {
  const compare = async (from: Pick<ModelChat, 'get'>, ids: string) =>
    Comparison.strict().parse(await from.get(`/api/v0.2/models/compare?model_ids=${ids}`));

  it('puts cards side by side, and says who is ahead in what is known', async () => {
    const measured = knownModels();
    measure(measured, 'wise', 900);
    const { models, ...ahead } = await compare(measured, 'wise,quick,anthropic/wise');
    expect(models.map(({ id }) => id)).toEqual(['wise', 'quick', 'anthropic/wise']);
    expect(ahead).toEqual({ total: 3, fastest: 'wise', cheapest: 'quick', highest_quality: 'wise' });
  });

  it('says nothing of what nobody knows', async () => {
    expect(await compare(knownModels(), 'anthropic/wise')).toMatchObject({
      fastest: null,
      cheapest: null,
      highest_quality: null,
    });
  });

  it.each([
    ['', 422],
    [',,', 422],
    ['a,b,c,d,e,f,g,h,i,j,k', 422],
    ['quick,unknown', 404],
  ])('answers model_ids=%s with %i', async (ids, status) => {
    expect((await knownModels().request(`/api/v0.2/models/compare?model_ids=${ids}`)).status).toBe(status);
  });

  it('shows a restricted key no other model', async () => {
    const restricted = knownModels().as({ allowedModels: ['quick'] });
    expect((await restricted.request('/api/v0.2/models/compare?model_ids=quick,wise')).status).toBe(404);
  });
});

describe('what a model can be chosen by', () => {
  it('are capabilities, and who has them', async () => {
    const list = CapabilityList.strict().parse(await knownModels().get('/api/v0.2/models/capabilities'));
    expect(list.total).toBe(list.capabilities.length);
    expect(list.models).toMatchObject({ vision: ['wise'], embeddings: ['vectors'], audio: [] });
  });

  it('are priorities and contexts with their limits', async () => {
    const { priorities } = PriorityList.strict().parse(await knownModels().get('/api/v0.2/models/priorities'));
    expect(priorities.map(({ id }) => id)).toEqual(['speed', 'quality', 'balanced', 'vr', 'cost']);
    const { contexts } = ContextList.strict().parse(await knownModels().get('/api/v0.2/models/contexts'));
    expect(Object.fromEntries(contexts.map(({ id, max_response_time_ms: limit }) => [id, limit]))).toEqual({
      greeting: 500,
      vr: 700,
      conversation: 2_000,
      technical: 3_000,
      creative: 3_000,
      emergency: 300,
      multimodal: 5_000,
    });
  });
});

describe('GET /api/v0.2/chat/stream/models', () => {
  it('has cards with the measured time to the first token, of what streams', async () => {
    const measured = knownModels();
    measure(measured, 'quick', 120);
    const { models, total } = StreamModelList.parse(await measured.get('/api/v0.2/chat/stream/models'));
    expect(total).toBe(3);
    expect(models.find(({ id }) => id === 'quick')?.ttft_ms).toEqual({
      count: 3,
      p50: 120,
      p95: 120,
      p99: 120,
      max: 120,
    });
    expect(models.find(({ id }) => id === 'wise')?.ttft_ms).toBeNull();
  });

  it('ranks what was measured and what is known, and nothing else', async () => {
    const rank = async (from: ModelChat) => {
      const rankings = ModelRankings.strict().parse(await from.get('/api/v0.2/chat/stream/models/performance'));
      const { fastest_ttft: fastest, highest_quality: best, vr_suitable: vr } = rankings;
      return [fastest, best, vr].map((rows) => rows.map(({ model }) => model));
    };
    const measured = knownModels();
    expect(await rank(measured)).toEqual([[], ['wise', 'quick'], []]);
    const whole = {
      provider: 'openai',
      model: 'wise',
      outcome: 'completed',
      errorCode: null,
      firstByteMs: null,
    } as const;
    measured.health.record({ ...whole, totalMs: 1 });
    expect(await rank(measured)).toEqual([[], ['wise', 'quick'], []]);
    measure(measured, 'wise', 701);
    measure(measured, 'quick', 700);
    expect(await rank(measured)).toEqual([['quick', 'wise'], ['wise', 'quick'], ['quick']]);
  });

  it.each(['/api/v0.2/chat/stream/models/vr-recommendation', '/api/v0.2/models/vr-recommendation'])(
    '%s recommends what was measured fast enough for virtual reality',
    async (path) => {
      const measured = knownModels();
      measure(measured, 'wise', 900);
      measure(measured, 'quick', 100);
      const answer = Recommendation.strict().parse(await measured.get(path));
      expect(answer.recommended_model).toBe('quick');
      expect(answer.reasoning).toContain('for vr with priority vr');
    },
  );
});

describe('all of these', () => {
  it.each(['', '/compare?model_ids=quick', '/capabilities', '/priorities', '/contexts', '/quick'])(
    'are not for those who may not read: /api/v0.2/models%s',
    async (path) => {
      const { app, as } = knownModels();
      expect((await as({ scopes: ['chat:write'] }).request(`/api/v0.2/models${path}`)).status).toBe(403);
      expect((await app.request(`/api/v0.2/models${path}`, { headers: asAnonymous })).status).toBe(401);
    },
  );
});
