import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { inTurns } from './in-turns.ts';
import type { ServiceEnv } from './service-env.ts';

it('lets others have their turn between requests that arrive in one moment, and keeps their order', async () => {
  const app = new Hono<ServiceEnv>();
  const begun: number[] = [];
  app.use(inTurns(10));
  app.get('/:index', (c) => {
    begun.push(Number(c.req.param('index')));
    return c.text('');
  });
  const perTurn: number[] = [];
  const answers = Promise.all(Array.from({ length: 95 }, async (_, index) => await app.request(`/${index}`)));
  while (begun.length < 95) {
    const before = begun.length;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    perTurn.push(begun.length - before);
  }
  expect((await answers).every(({ status }) => status === 200)).toBe(true);
  expect(begun).toEqual(Array.from({ length: 95 }, (_, index) => index));
  expect(Math.max(...perTurn)).toBeLessThanOrEqual(10);
  expect((await app.request('/95')).status).toBe(200);
});
