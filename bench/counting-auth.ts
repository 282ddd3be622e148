import { createServer } from 'node:http';
import { pipeline } from 'node:stream';
import { Pool } from 'undici';
import { noUsableKey } from '#shared/identity/resolved-key.ts';

export type CountingAuth = {
  url: string;
  /** Requests so far, by path without its query. */
  count: (path: string) => number;
  /** From now on answers look-ups itself, with "no such key", so that only the gateway is at work. */
  knowNobody: () => void;
  stop: () => Promise<void>;
};

export const lookUpPath = '/internal/keys/resolve';

/** Stands between gateway and auth and counts what the gateway asks. */
export async function startCountingAuth(authUrl: string): Promise<CountingAuth> {
  const pool = new Pool(authUrl, { connections: 32 });
  const counts = new Map<string, number>();
  let knowsNobody = false;
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '/').split('?');
    counts.set(path, (counts.get(path) ?? 0) + 1);
    if (knowsNobody && path === lookUpPath) {
      request.resume().once('end', () => {
        const requestId = request.headers['x-request-id'] ?? '';
        response.writeHead(404, { 'content-type': 'application/problem+json', 'x-request-id': requestId });
        response.end(JSON.stringify({ code: 'not_found', detail: noUsableKey }));
      });
      return;
    }
    const { connection: _connection, 'transfer-encoding': _coding, ...headers } = request.headers;
    pool
      .request({ method: request.method ?? 'GET', path: request.url ?? '/', headers, body: request })
      .then(({ statusCode, headers: answered, body }) => {
        const { connection: _c, 'transfer-encoding': _t, 'keep-alive': _k, ...rest } = answered;
        pipeline(body, response.writeHead(statusCode, rest), () => undefined);
      })
      .catch(() => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    count: (path) => counts.get(path) ?? 0,
    knowNobody: () => {
      knowsNobody = true;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      await pool.destroy();
    },
  };
}
