import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { frame } from '#shared/service/frame.ts';
import { serve } from '#shared/service/serve.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { startEdge } from '../support/edge.ts';
import { knownKey, startKnowingAuth } from '../support/edge-backends.ts';
import { silentLog } from '../support/silent-log.ts';

it('lets a call finish whose backend takes no new connections any more', async () => {
  const begun = Promise.withResolvers<void>();
  const app = new Hono<ServiceEnv>();
  app.use(frame(silentLog));
  app.post('/v1/chat/completions', async (c) => {
    begun.resolve();
    await sleep(1_600);
    return c.json({ whole: true });
  });
  const chat = await serve({ app, host: '127.0.0.1', port: 0, log: silentLog });
  await using auth = await startKnowingAuth();
  // The gateway asks whether anybody is there after a third of this, which is refused, for the backend drains by then.
  const vars = { UPSTREAM_FIRST_BYTE_SECONDS: '3' };
  await using edge = await startEdge({ auth: auth.port, chat: chat.port, asset: chat.port }, vars);
  const headers = { 'x-api-key': knownKey };
  const asked = fetch(`${edge.url}/v1/chat/completions`, { method: 'POST', body: '{}', headers });
  await begun.promise;
  const closed = chat.close(10_000);
  await sleep(900);
  await expect(fetch(`http://127.0.0.1:${chat.port}/version`)).rejects.toThrow('fetch failed');
  const answer = await asked;
  expect([answer.status, await answer.json()]).toEqual([200, { whole: true }]);
  await closed;
});
