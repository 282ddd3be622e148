import { describe, expect, it } from 'vitest';
import { ApiRoot } from '#shared/contracts/chat.ts';
import { asAnonymous, createTestChat } from '../testing/chat-app.ts';

describe('what nobody needs a key for', () => {
  it.each(['/api/v0.2/', '/api/v0.2'])('%s says what this is', async (path) => {
    const response = await createTestChat().app.request(path, { headers: asAnonymous });
    expect(ApiRoot.parse(await response.json())).toMatchObject({ name: 'Gaia', version: '1.2.3', api_version: 'v0.2' });
  });

  it('/api/v0.2/health says the same as /health', async () => {
    const { app } = createTestChat();
    const [own, api] = await Promise.all(
      ['/health', '/api/v0.2/health'].map(async (path) => await app.request(path, { headers: asAnonymous })),
    );
    expect(api?.status).toBe(200);
    expect(stable(await api?.json())).toEqual(stable(await own?.json()));
  });

  it('/api/v0.2/health is 503 while the database is away', async () => {
    const { app } = createTestChat({ pingDatabase: away });
    const response = await app.request('/api/v0.2/health', { headers: asAnonymous });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ status: 'unhealthy', database: { status: 'unavailable' } });
  });

  it('still needs the gateway’s assertion', async () => {
    expect((await createTestChat().app.request('/api/v0.2/')).status).toBe(401);
  });
});

async function away(): Promise<never> {
  throw new Error('away');
}

/** Without what differs between two moments. */
function stable(report: unknown): unknown {
  return JSON.parse(JSON.stringify(report, (key, value: unknown) => (/timestamp|_ms$/.test(key) ? undefined : value)));
}
