import { describe, expect, it } from 'vitest';
import {
  HealthCheckAnswer,
  Provider,
  ProviderHealth,
  ProviderList,
  ProviderModels,
  ProvidersHealth,
  ProvidersStats,
  ProviderStats,
} from '#shared/contracts/chat.ts';
import { AppError } from '#shared/http/error.ts';
import { asUser, createTestChat, type TestChat } from '../testing/chat-app.ts';
import { modelChat, standIn, type ModelChat } from '../testing/stand-in-provider.ts';

const headers = { ...asUser('chat:read', 'chat:write'), 'content-type': 'application/json' };

async function complete({ app }: TestChat, model: string): Promise<void> {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] });
  await app.request('/v1/chat/completions', { method: 'POST', headers, body });
}

async function providers({ app }: TestChat, path = '/api/v0.2/providers') {
  return ProviderList.parse(await (await app.request(path, { headers })).json());
}

function two(): ModelChat {
  const away = async () => {
    throw new AppError('unavailable', 'away');
  };
  return modelChat({
    providers: [
      standIn('openai', [{ id: 'gpt' }], { check: async () => undefined }),
      standIn('anthropic', [{ id: 'claude-1' }], { aliases: ['claude'], check: away }),
    ],
  });
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
        models: ['local/echo', 'local/embed'],
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

  it('shows a restricted key no provider of which it may use nothing', async () => {
    const { as } = two();
    const list = ProviderList.parse(await as({ allowedModels: ['claude-1'] }).get('/api/v0.2/providers'));
    expect(list.providers.map(({ id }) => id)).toEqual(['anthropic']);
    expect(list.total_providers).toBe(1);
  });
});

describe('GET /api/v0.2/providers/{provider}', () => {
  it.each(['anthropic', 'claude'])('finds %s, by its older name too', async (name) => {
    const chat = two();
    expect(Provider.strict().parse(await chat.get(`/api/v0.2/providers/${name}`)).id).toBe('anthropic');
    const models = ProviderModels.strict().parse(await chat.get(`/api/v0.2/providers/${name}/models`));
    expect(models).toMatchObject({ provider: 'anthropic', total: 1, models: [{ id: 'claude-1' }] });
    const health = await chat.get(`/api/v0.2/providers/${name}/health`);
    expect(ProviderHealth.parse(health)).toMatchObject({ status: 'unknown', requests: 0 });
    const stats = ProviderStats.parse(await chat.get(`/api/v0.2/providers/${name}/stats`));
    expect(stats).toEqual({
      provider: 'anthropic',
      calls: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
      error_rate: null,
      ttft_ms: null,
      total_ms: null,
      models: [],
    });
  });

  it.each(['', '/models', '/health', '/stats'])(
    'does not find nobody%s, nor what the key may not use',
    async (rest) => {
      const chat = two();
      const restricted = chat.as({ allowedModels: ['gpt'] });
      expect((await chat.request(`/api/v0.2/providers/nobody${rest}`)).status).toBe(404);
      expect((await restricted.request(`/api/v0.2/providers/claude${rest}`)).status).toBe(404);
      expect((await restricted.request(`/api/v0.2/providers/openai${rest}`)).status).toBe(200);
    },
  );
});

describe('the health and the numbers of all providers', () => {
  it('are not taken for those of one that is called so', async () => {
    const chat = two();
    const call = { provider: 'openai', model: 'gpt', errorCode: null, firstByteMs: 10, totalMs: 20 } as const;
    chat.health.record({ ...call, outcome: 'completed' });
    chat.health.record({ ...call, outcome: 'failed', errorCode: 'upstream_failed' });
    const health = ProvidersHealth.strict().parse(await chat.get('/api/v0.2/providers/health'));
    expect(health.providers).toMatchObject([
      { id: 'openai', status: 'degraded', requests: 2 },
      { id: 'anthropic', status: 'unknown', requests: 0 },
    ]);
    const stats = ProvidersStats.strict().parse(await chat.get('/api/v0.2/providers/stats'));
    expect(stats).toMatchObject({ window_seconds: 900, total_providers: 2 });
    expect(stats.providers[0]).toMatchObject({
      provider: 'openai',
      calls: 2,
      error_rate: 0.5,
      ttft_ms: { count: 2, p50: 10 },
      models: [{ model: 'gpt', calls: 2 }],
    });
    expect(stats.providers[1]).toMatchObject({ provider: 'anthropic', calls: 0, ttft_ms: null });
  });
});

describe('POST /api/v0.2/providers/health/check', () => {
  it('really asks, and the answers count for the health of the providers', async () => {
    const chat = two();
    const answer = HealthCheckAnswer.strict().parse(
      await chat.get('/api/v0.2/providers/health/check', { method: 'POST' }),
    );
    expect(answer.checks).toMatchObject([
      { provider: 'openai', outcome: 'reachable', error_code: null },
      { provider: 'anthropic', outcome: 'failed', error_code: 'unavailable' },
    ]);
    expect(answer.health_status).toBe('degraded');
    const one = Provider.parse(await chat.get('/api/v0.2/providers/claude'));
    expect(one).toMatchObject({ status: 'unhealthy', last_health_check: one.health.last_check_at });
  });

  it('tells a restricted key nothing of the others', async () => {
    const restricted = two().as({ allowedModels: ['gpt'] });
    const answer = await restricted.get('/api/v0.2/providers/health/check', { method: 'POST' });
    expect(JSON.stringify(answer)).not.toContain('anthropic');
  });

  it('is not a thing to read', async () => {
    expect((await two().request('/api/v0.2/providers/health/check')).status).toBe(405);
  });
});
