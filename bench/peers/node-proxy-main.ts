import { createServer } from 'node:http';
import { pipeline } from 'node:stream';
import { Pool } from 'undici';

// A proxy and nothing else, as one writes it with Node and undici: no identity, no limits, no log. Tells its port over IPC.

const pool = new Pool(process.argv[2] ?? '', { connections: 256 });

const server = createServer((request, response) => {
  const { connection: _connection, host: _host, 'transfer-encoding': _coding, ...headers } = request.headers;
  pool
    .request({ method: request.method ?? 'GET', path: request.url ?? '/', headers, body: request })
    .then(({ statusCode, headers: answered, body }) => {
      const { connection: _c, 'transfer-encoding': _t, 'keep-alive': _k, ...rest } = answered;
      response.writeHead(statusCode, rest);
      pipeline(body, response, () => undefined);
    })
    .catch(() => response.writeHead(502).end());
});

server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (typeof address === 'object' && address !== null) process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit(0));
