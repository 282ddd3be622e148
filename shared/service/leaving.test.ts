import { Agent, request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../tests/support/silent-log.ts';
import { serve, type Listening } from './serve.ts';
import type { ServiceEnv } from './service-env.ts';

let server: Listening;
let agent: Agent;
let begun: PromiseWithResolvers<void>;
let finish: PromiseWithResolvers<void>;
beforeEach(async () => {
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  [begun, finish] = [Promise.withResolvers(), Promise.withResolvers()];
  const app = new Hono<ServiceEnv>();
  app.get('/quick', (c) => c.text('quick'));
  app.get('/ready', (c) => c.text('no', 503));
  app.get('/slow', async (c) => {
    begun.resolve();
    await finish.promise;
    return c.text('slow');
  });
  server = await serve({ app, host: '127.0.0.1', port: 0, log: silentLog });
});
afterEach(async () => {
  finish.resolve();
  agent.destroy();
  await server.close(0);
});

describe('a server that closes', () => {
  it('under load tells those who keep their connections to go, loses no request, and comes to its end', async () => {
    await get('/quick');
    const startedAt = performance.now();
    const closed = server.close(30_000);
    const headers: (string | undefined)[] = [];
    for (let i = 0; i < 20; i += 1) headers.push((await get('/quick')).headers.connection);
    expect(new Set(headers)).toEqual(new Set(['close']));
    await closed;
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await expect(get('/quick')).rejects.toThrow('ECONNREFUSED');
  });

  it('tells it also to whom it has not yet answered', async () => {
    const slow = get('/slow');
    await begun.promise;
    const closed = server.close(30_000);
    finish.resolve();
    expect((await slow).headers.connection).toBe('close');
    await closed;
  });

  it('goes at once when nobody comes, whoever asks for its readiness', async () => {
    await get('/ready');
    const startedAt = performance.now();
    await server.close(30_000);
    expect(performance.now() - startedAt).toBeLessThan(200);
  });

  it('does not wait longer than it may for clients that do not go', async () => {
    await get('/quick');
    const startedAt = performance.now();
    await server.close(100);
    expect(performance.now() - startedAt).toBeLessThan(240);
  });
});

async function get(path: string): Promise<IncomingMessage> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ port: server.port, path, agent }).on('response', resolve).on('error', reject).end();
  });
  await text(response);
  return response;
}
