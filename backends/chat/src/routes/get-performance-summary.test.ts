import { describe, expect, it } from 'vitest';
import {
  LivePerformance,
  PerformanceHealth,
  PerformanceSummary,
  ProvidersPerformance,
  StagesPerformance,
} from '#shared/contracts/chat.ts';
import { asAnonymous } from '../testing/chat-app.ts';
import { modelChat, standIn, type ModelChat } from '../testing/stand-in-provider.ts';

const path = (name: string) => `/api/v0.2/performance/${name}`;

function measured(): ModelChat {
  const chat = modelChat({ providers: [standIn('openai', [{ id: 'gpt' }]), standIn('anthropic', [{ id: 'claude' }])] });
  const call = { provider: 'openai', model: 'gpt', errorCode: null, firstByteMs: 10, totalMs: 40 } as const;
  const stages = { admission: 2, provider_first_byte: 8, provider_total: 38 };
  chat.health.record({ ...call, outcome: 'completed', stages });
  chat.health.record({ ...call, outcome: 'completed', stages, firstByteMs: 30 });
  chat.health.record({ ...call, outcome: 'failed', errorCode: 'unavailable', firstByteMs: null });
  chat.health.record({ ...call, outcome: 'completed', model: 'private-fine-tune' });
  return chat;
}

describe('how calls went', () => {
  it('is nothing but null before the first', async () => {
    const chat = modelChat({ providers: [standIn('openai', [{ id: 'gpt' }])] });
    const { overall, models } = PerformanceSummary.strict().parse(await chat.get(path('summary')));
    expect(models).toEqual([]);
    expect(overall).toMatchObject({ calls: 0, error_rate: null, ttft_ms: null, total_ms: null });
    expect(Object.values(overall.stages)).toEqual([null, null, null, null, null]);
    expect(PerformanceHealth.parse(await chat.get(path('health')))).toMatchObject({
      status: 'unknown',
      error_rate: null,
    });
    expect(LivePerformance.parse(await chat.get(path('live')))).toMatchObject({ calls_per_second: 0 });
  });

  it('is summed up over all, and told by model', async () => {
    const { overall, models, window_seconds: window } = PerformanceSummary.parse(await measured().get(path('summary')));
    expect(window).toBe(900);
    expect(overall).toMatchObject({
      calls: 4,
      completed: 3,
      failed: 1,
      error_rate: 0.25,
      ttft_ms: { count: 3, max: 30 },
    });
    expect(models).toMatchObject([{ model: 'gpt', provider: 'openai', calls: 3, ttft_ms: { p50: 10, p99: 30 } }]);
  });

  it('names no model that is not listed for the caller', async () => {
    const chat = measured();
    expect(JSON.stringify(await chat.get(path('summary')))).not.toContain('private-fine-tune');
    const restricted = chat.as({ allowedModels: ['claude'] });
    for (const name of ['summary', 'providers', 'live', 'health']) {
      expect(JSON.stringify(await restricted.get(path(name)))).not.toMatch(/gpt|openai/);
    }
  });

  it('is told by provider, by stage, for the last minute, and as health', async () => {
    const chat = measured();
    const { providers } = ProvidersPerformance.strict().parse(await chat.get(path('providers')));
    expect(providers).toMatchObject([
      { provider: 'openai', calls: 4 },
      { provider: 'anthropic', calls: 0, ttft_ms: null },
    ]);
    const { stages } = StagesPerformance.strict().parse(await chat.get(path('stages')));
    expect(stages).toMatchObject({ admission: { count: 2, p50: 2 }, provider_total: { p50: 38 }, persona: null });
    const live = LivePerformance.strict().parse(await chat.get(path('live')));
    expect(live).toMatchObject({ window_seconds: 60, calls_per_second: 0.067, overall: { calls: 4 } });
    expect(PerformanceHealth.strict().parse(await chat.get(path('health')))).toMatchObject({
      status: 'healthy',
      error_rate: 0.25,
      providers: [
        { id: 'openai', status: 'healthy' },
        { id: 'anthropic', status: 'unknown' },
      ],
    });
  });

  it('comes from real requests', async () => {
    const chat = measured();
    const writer = chat.as({ scopes: ['chat:read', 'chat:write'] });
    const messages = [{ role: 'user', content: 'hi' }];
    const bodies = [
      { model: 'claude', messages },
      { model: 'claude', messages, stream: true },
    ];
    for (const body of bodies) {
      const response = await writer.request('/v1/chat/completions', { method: 'POST', body: JSON.stringify(body) });
      expect((await response.text()).length).toBeGreaterThan(0);
    }
    const { models } = PerformanceSummary.parse(await chat.get(path('summary')));
    const claude = models.find(({ model }) => model === 'claude');
    expect(claude).toMatchObject({ calls: 2, completed: 2, error_rate: 0 });
    expect(claude?.ttft_ms?.p50).toBeGreaterThan(0);
    expect([claude?.ttft_ms?.count, claude?.total_ms?.count]).toEqual([1, 2]);
  });
});

describe('DELETE /api/v0.2/performance/reset', () => {
  it('forgets everything, for administrators only', async () => {
    const chat = measured();
    const reset = { method: 'DELETE' };
    expect((await chat.request(path('reset'), reset)).status).toBe(403);
    expect(PerformanceSummary.parse(await chat.get(path('summary'))).overall.calls).toBe(4);
    expect(await chat.as({ scopes: ['admin'] }).get(path('reset'), reset)).toMatchObject({ success: true });
    expect(PerformanceSummary.parse(await chat.get(path('summary'))).overall.calls).toBe(0);
  });

  it('is no thing to read, and nothing here is for strangers', async () => {
    const chat = measured();
    expect((await chat.as({ scopes: ['admin'] }).request(path('reset'))).status).toBe(405);
    for (const name of ['summary', 'providers', 'stages', 'live', 'health']) {
      expect((await chat.app.request(path(name), { headers: asAnonymous })).status).toBe(401);
      expect((await chat.as({ scopes: ['usage:read'] }).request(path(name))).status).toBe(403);
    }
  });
});
