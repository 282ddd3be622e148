import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { expect, it, vi } from 'vitest';
import { silentLog } from '../../tests/support/silent-log.ts';
import { serve } from './serve.ts';
import type { ServiceEnv } from './service-env.ts';

it('does not begin what nobody waits for any more when its turn comes', async () => {
  const clients: Socket[] = [];
  let begun = 0;
  const app = new Hono<ServiceEnv>();
  app.get('/', (c) => {
    begun += 1;
    if (begun === 1) for (const client of clients) client.resetAndDestroy();
    return c.text('');
  });
  app.get('/hello', (c) => c.text('hello'));
  const server = await serve({ app, host: '127.0.0.1', port: 0, log: silentLog });
  for (let index = 0; index < 100; index += 1) {
    const client = connect(server.port, '127.0.0.1').setNoDelay();
    clients.push(client);
    client.write('GET /hello HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(client, 'data');
  }
  // All of them are there at the next look, and the first one that begins ends them all.
  for (const client of clients) client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await vi.waitUntil(() => begun > 0);
  await server.close(5_000);
  // Those of the first turn, and those of the second, by when their connections are closing.
  expect(begun).toBeLessThanOrEqual(32);
});
