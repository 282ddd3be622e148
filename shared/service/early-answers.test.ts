import { setTimeout as delay } from 'node:timers/promises';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRequest, type OpenRequest } from '../../tests/support/raw-http.ts';
import { silentLog } from '../../tests/support/silent-log.ts';
import { readBody } from './read-body.ts';
import { serve, type Listening } from './serve.ts';
import type { ServiceEnv } from './service-env.ts';

let server: Listening;
let connection: OpenRequest;
beforeEach(async () => {
  const app = new Hono<ServiceEnv>();
  app.post('/unread', (c) => c.text('no', 403));
  app.post('/part', async (c) => {
    const isTooLarge = await readBody(c, 1_000).then(
      () => false,
      () => true,
    );
    return c.text('', isTooLarge ? 413 : 403);
  });
  app.get('/next', (c) => c.text(c.req.query('id') ?? ''));
  server = await serve({ app, host: '127.0.0.1', port: 0, log: silentLog });
});
afterEach(async () => {
  connection.socket.destroy();
  await server.close(0);
});

/** Of a body that is longer than what is held for a reader who does not come, in as many pieces as proxies make of it. */
const half = Buffer.alloc(25 * 4_096);
const chunk = Buffer.from(`1000\r\n${'x'.repeat(4_096)}\r\n`);
const chunkOf = (bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: bytes.length / 4_096 }, () => chunk));

const bodies: [how: string, header: string, parts: [Buffer, Buffer]][] = [
  ['with a length', `content-length: ${2 * half.length}`, [half, half]],
  [
    'in chunks',
    'transfer-encoding: chunked',
    [chunkOf(half), Buffer.concat([chunkOf(half), Buffer.from('0\r\n\r\n')])],
  ],
];

describe.each(bodies)('a request %s that is answered before its body has come', (_how, header, [first, rest]) => {
  it.each([
    ['unread', 403],
    ['part', 413],
  ])('%s: leaves a connection that is good for the next ones', async (path, status) => {
    connection = await openRequest(server.port, `POST /${path} HTTP/1.1\r\nhost: a\r\n${header}\r\n\r\n`);
    connection.socket.write(first);
    await connection.until(`HTTP/1.1 ${status} `);
    connection.socket.write(rest);
    // Longer than a server waits for the rest of a body.
    const until = performance.now() + 800;
    for (let id = 0; performance.now() < until; id += 1) {
      connection.socket.write(`GET /next?id=(${id}) HTTP/1.1\r\nhost: a\r\n\r\n`);
      await connection.until(`(${id})`);
      await delay(10); // As clients do: without it this burns a core.
    }
    expect(connection.socket.destroyed).toBe(false);
  });
});
