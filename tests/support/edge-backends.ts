import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { contractVersion } from '#shared/contract-version.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import type { RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { createApiKey } from '#shared/identity/api-key.ts';
import { listen } from './listen.ts';

export type TestBackend = AsyncDisposable & { port: number };

/** A key that the gateway accepts where `startKnowingAuth` is its auth backend. */
export const { key: knownKey } = await createApiKey('dev');

const resolved: ResolvedKey = {
  principal: { kind: 'user', userId: 'user-1', keyId: 'key-1', scopes: ['chat:write', 'assets:write'], limits: {} },
  restrictions: { allowedOrigins: null, allowedIps: null },
  expiresAt: null,
};

const nothingRevoked: RevocationFeed = { position: 0, reset: true, completeSince: 0, ageMs: 0, revocations: [] };

/** An auth backend to which every plausible key belongs to the same user. */
export async function startKnowingAuth(): Promise<TestBackend> {
  return await startHttp((request, response) => {
    if (request.url === '/internal/keys/resolve') return json(response, 200, resolved);
    if (request.url?.startsWith('/internal/revocations')) return json(response, 200, nothingRevoked);
    return answerHealth(request, response);
  });
}

/** What every backend tells about itself; at any path. */
export function answerHealth(request: IncomingMessage, response: ServerResponse): void {
  json(response, 200, {
    status: 'healthy',
    version: '1.0.0',
    contract: contractVersion,
    database: { status: 'connected', response_time_ms: 1 },
    nats: { status: 'disabled' },
    path: request.url,
  });
}

export function json(response: ServerResponse, status: number, value: object): void {
  const requestId = response.req.headers['x-request-id'];
  const headers = { 'content-type': 'application/json', ...(requestId && { 'x-request-id': requestId }) };
  response.writeHead(status, headers).end(JSON.stringify(value));
}

export async function startHttp(listener: RequestListener): Promise<TestBackend> {
  const server = createServer(listener);
  const port = await listen(server);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** A backend that is nothing but sockets, for answers that no HTTP server would give. `head` is each chunk that comes. */
export async function startRaw(answer: (socket: Socket, head: string) => void): Promise<TestBackend> {
  const open = new Set<Socket>();
  const server = createTcpServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    socket.on('data', (head) => answer(socket, head.toString('latin1')));
  });
  const port = await listen(server);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
