import { describe, expect, it } from 'vitest';
import { ModelCardList, ProviderList } from '#shared/contracts/chat.ts';
import { asUser, createTestChat, type TestChat } from '../testing/chat-app.ts';

const headers = { ...asUser('chat:read', 'chat:write'), 'content-type': 'application/json' };

async function complete({ app }: TestChat, model: string): Promise<void> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] });
  await app.request('/v1/chat/completions', { method: 'POST', headers, body });
}

async function providers({ app }: TestChat, path = '/api/v0.2/providers') {
  return ProviderList.parse(await (await app.request(path, { headers })).json());
}

async function cards({ app }: TestChat, query = '') {
  return ModelCardList.parse(await (await app.request(`/api/v0.2/models${query}`, { headers })).json());
}

describe('GET /api/v0.2/providers', () => {
  it('says unknown, and no numbers, before the first request', async () => {
    const { providers: list, ...rest } = await providers(createTestChat());
    expect(rest).toMatchObject({ total_providers: 1, health_status: 'unknown' });
    expect(list).toMatchObject([
      {
        id: 'local',
        name: 'Local stand-in (not a model)',
        status: 'unknown',
        models: ['local/echo'],
        last_health_check: null,
      },
    ]);
    expect(list[0]?.health).toMatchObject({ requests: 0, response_time_ms: null });
  });

  it('says what real requests measured, also at its older path', async () => {
    const chat = createTestChat();
    await complete(chat, 'local/echo');
    for (let i = 0; i < 3; i++) await complete(chat, 'local/echo:fault=error');
    const { providers: list, health_status: status } = await providers(chat, '/api/v1/providers');
    expect(status).toBe('unhealthy');
    expect(list[0]?.health).toMatchObject({ requests: 4, failures: 3, last_failure_code: 'unavailable' });
    expect(list[0]?.health.response_time_ms).toBeGreaterThan(0);
    expect(list[0]?.last_health_check).toBe(list[0]?.health.last_failure_at);
  });
});

describe('GET /api/v0.2/models', () => {
  it('gives cards on which the unknown is null', async () => {
    const { models, total } = await cards(createTestChat());
    expect(total).toBe(1);
    expect(models[0]).toMatchObject({
      id: 'local/echo',
      provider: 'local',
      context_window: null,
      response_time_ms: null,
    });
  });

  it.each([
    ['?provider=local', 1],
    ['?provider=openai', 0],
    ['?capability=streaming', 1],
    ['?capability=flying', 0],
    ['?provider=local&capability=chat&unknown=1', 1],
    ['?max_response_time_ms=10000', 0],
  ])('filters by %s', async (query, expected) => {
    const { models, total } = await cards(createTestChat(), query);
    expect({ total, listed: models.length }).toEqual({ total: expected, listed: expected });
  });

  it('counts a model as fast enough only when it was measured', async () => {
    const chat = createTestChat();
    await complete(chat, 'local/echo:first_ms=20');
    expect((await cards(chat, '?max_response_time_ms=10000')).total).toBe(1);
    expect((await cards(chat, '?max_response_time_ms=10')).total).toBe(0);
    expect((await cards(chat, '?max_response_time_ms=10')).filters).toEqual({ max_response_time_ms: 10 });
  });

  it.each(['0', '-1', '1.5', 'fast', ''])('refuses max_response_time_ms=%s', async (value) => {
    const response = await createTestChat().app.request(`/api/v0.2/models?max_response_time_ms=${value}`, { headers });
    expect(response.status).toBe(422);
  });
});
