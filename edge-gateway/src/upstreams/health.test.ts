import { describe, expect, it } from 'vitest';
import { contractVersion } from '#shared/contract-version.ts';
import { testGateway } from '../test-gateway.ts';

const healthy = {
  status: 'healthy',
  version: '1.0.0',
  contract: contractVersion,
  database: { status: 'connected', response_time_ms: 1 },
  nats: { status: 'connected' },
};

describe('GET /health', () => {
  it('is healthy when every backend says so', async () => {
    const gateway = await testGateway({ answer: () => Response.json(healthy) });
    const answer = await gateway.request('/health');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      status: 'healthy',
      services: { auth: { status: 'healthy', contract: contractVersion }, chat: {}, asset: {} },
      database: { status: 'connected' },
      nats: { status: 'connected' },
    });
  });

  it('is degraded, and still 200, when NATS is away at one of them', async () => {
    const gateway = await testGateway({
      answer: ({ url }) =>
        Response.json(
          url.includes('chat') ? { ...healthy, status: 'degraded', nats: { status: 'unavailable' } } : healthy,
        ),
    });
    const answer = await gateway.request('/health');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status: 'degraded', nats: { status: 'unavailable' } });
  });

  it('is unhealthy and names the backend that cannot be reached, without waiting for it alone', async () => {
    const gateway = await testGateway({
      answer: ({ url }) => {
        if (url.includes('asset')) throw new Error('refused');
        return Response.json(healthy);
      },
    });
    const answer = await gateway.request('/health');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      services: { auth: { status: 'healthy' }, asset: { status: 'unhealthy', error: 'unreachable', version: null } },
    });
  });

  it('believes nobody who answers in another shape', async () => {
    const gateway = await testGateway({ answer: () => new Response('OK') });
    expect((await gateway.request('/health')).status).toBe(503);
  });

  it('calls a backend two contracts away a version skew', async () => {
    const gateway = await testGateway({ answer: () => Response.json({ ...healthy, contract: contractVersion + 2 }) });
    const answer = await gateway.request('/health');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ services: { chat: { error: 'version_skew' } } });
  });

  it('gives a silent backend one second', async () => {
    const gateway = await testGateway({
      answer: ({ signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const startedAt = Date.now();
    expect(await (await gateway.request('/health')).json()).toMatchObject({ services: { auth: { error: 'timeout' } } });
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });
});
