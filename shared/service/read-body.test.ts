import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../tests/support/silent-log.ts';
import { readBody } from './read-body.ts';
import { serve, type Listening } from './serve.ts';
import type { ServiceEnv } from './service-env.ts';

const maxBytes = 1_000_000;
let server: Listening;
let socket: Socket;
let reading: PromiseWithResolvers<{ body: Promise<Uint8Array> }>;

beforeEach(async () => {
  reading = Promise.withResolvers();
  const app = new Hono<ServiceEnv>();
  app.post('/', async (c) => {
    const body = readBody(c, maxBytes);
    reading.resolve({ body });
    return c.text(`${(await body.catch(() => '')).length};`);
  });
  server = await serve({ app, host: '127.0.0.1', port: 0, log: silentLog });
  socket = connect(server.port, '127.0.0.1').setNoDelay();
});
afterEach(async () => {
  socket.destroy();
  await server.close(0);
});

const head = (length: number): string => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`;

/** How many bytes the server says that it read. */
async function answer(): Promise<number> {
  let said = '';
  while (!said.endsWith(';')) said += String(await once(socket, 'data'));
  return Number(/(\d+);$/.exec(said)?.[1]);
}

describe('a body of a declared length', () => {
  it.each([0, 1, 40_000, 300_000])('of %d bytes is read whole, time after time on one connection', async (length) => {
    for (let time = 0; time < 3; time += 1) {
      socket.write(head(length) + 'x'.repeat(length));
      // Nothing of a body is left behind for the next request.
      expect(await answer()).toBe(length);
    }
  });

  it('is read whole when it comes long after its request, in parts', async () => {
    socket.write(head(9));
    const { body } = await reading.promise;
    socket.write('one');
    socket.write('two');
    setImmediate(() => socket.write('six'));
    expect(Buffer.from(await body).toString()).toBe('onetwosix');
    expect(await answer()).toBe(9);
  });

  it('is no body when its sender leaves before the end', async () => {
    socket.write(`${head(9)}one`);
    const { body } = await reading.promise;
    socket.destroy();
    await expect(body).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
