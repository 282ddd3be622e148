import { describe, expect, it } from 'vitest';
import { testGateway, type TestGateway } from '../test-gateway.ts';

/** A gateway whose three backend URLs all lead back to itself. */
async function circle(): Promise<TestGateway> {
  const gateway: TestGateway = await testGateway({
    answer: async (request) => {
      const { pathname } = new URL(request.url);
      return await gateway.request(pathname, { method: request.method, headers: request.headers });
    },
  });
  return gateway;
}

describe('a gateway that is its own backend', () => {
  it('says that it is unhealthy after one question to each, instead of asking itself for ever', async () => {
    const gateway = await circle();
    const answer = await gateway.request('/health');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ services: { chat: { status: 'unhealthy' } } });
    expect(gateway.sent).toHaveLength(3);
  });

  it('is not ready', async () => {
    const gateway = await circle();
    expect((await gateway.request('/ready')).status).toBe(503);
    expect(gateway.sent).toHaveLength(1);
  });

  it('ends the circle of a route that needs no credential', async () => {
    const gateway = await circle();
    expect((await gateway.request('/docs')).status).toBe(502);
    expect(gateway.sent.length).toBeLessThan(4);
  });
});

describe('the gateway’s own paths', () => {
  it.each(['/', '/health', '/ready', '/version'])('%s can only be read, and says so', async (path) => {
    const gateway = await testGateway();
    const answer = await gateway.request(path, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
    expect(gateway.sent).toHaveLength(0);
  });
});
