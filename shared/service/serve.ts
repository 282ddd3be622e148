import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
// Makes its mark of answers already sent out of the platform's Response, so it has to come before the first listener, which
// puts another in its place: of that one, the mark would be sent as an answer.
import '@hono/node-server/utils/response';
import type { Hono } from 'hono';
import { AppError, type ErrorCode } from '../http/error.ts';
import { renderProblem } from '../http/problem.ts';
import { newId } from '../id.ts';
import type { Logger } from '../log.ts';
import { createLeaving } from './leaving.ts';
import { createMeetingPoint } from './meeting-point.ts';
import type { ServiceEnv } from './service-env.ts';

export type ServeOptions = { app: Hono<ServiceEnv>; host: string; port: number; log: Logger };

export type Listening = {
  port: number;
  /**
   * Sends clients elsewhere, then takes no new connections and lets the open requests finish for at most this long, then
   * cuts them.
   */
  close: (drainMs: number) => Promise<void>;
};

/** Where nobody else is there to go to. */
const mostLeavingMs = 2_000;

/** Listens, and answers in the one error shape even where Node's parser fails before the app sees a request. */
export async function serve({ app, host, port, log }: ServeOptions): Promise<Listening> {
  const listener = getRequestListener(app.fetch, {
    errorHandler: (thrown) =>
      rejected(new AppError('invalid_request', 'The request line or Host is not valid', { cause: thrown })),
  });
  const leaving = createLeaving();
  const meetAtTheDoor = createMeetingPoint();
  const begin = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    leaving.begun(incoming, outgoing);
    await meetAtTheDoor();
    // Nobody would tell what begins now that the client left.
    if (!outgoing.destroyed) await listener(incoming, outgoing);
  };
  const server = createServer(
    {
      maxHeaderSize: 16_384,
      requireHostHeader: false,
      headersTimeout: 15_000,
      requestTimeout: 120_000,
      keepAliveTimeout: 75_000,
    },
    (incoming, outgoing) => void begin(incoming, outgoing),
  );
  server.maxHeadersCount = 0;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket, parserError(error)));
  server.on('connect', (_request, socket) =>
    refuse(
      socket,
      new AppError('method_not_allowed', 'CONNECT is not served here', { headers: { allow: 'GET, HEAD, POST' } }),
    ),
  );
  server.on('checkExpectation', (_request, response) => {
    const { status, headers, body } = render(
      new AppError('expectation_failed', 'Only Expect: 100-continue is understood'),
    );
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
  });
  await listening(server, host, port);
  const address = boundAddress(server);
  log.info('listening', { port: address.port });
  return {
    port: address.port,
    close: async (drainMs) => {
      await leaving.leave(Math.min(mostLeavingMs, drainMs / 2));
      await closeServer(server, drainMs);
    },
  };
}

function parserError(error: NodeJS.ErrnoException): AppError {
  const code: ErrorCode = parserErrorCodes[error.code ?? ''] ?? 'invalid_request';
  return new AppError(
    code,
    code === 'invalid_request' ? 'The request is not valid HTTP' : 'The request was refused by its size or pace',
  );
}

const parserErrorCodes: Record<string, ErrorCode | undefined> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

function refuse(socket: Duplex | Socket, error: AppError): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, body } = render(error);
  const lines = Object.entries({ ...headers, connection: 'close', 'content-length': String(Buffer.byteLength(body)) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`);
}

function rejected(error: AppError): Response {
  const { status, headers, body } = render(error);
  return new Response(body, { status, headers });
}

/** There is no parsed path at this depth, so the problem says `/`. */
function render(error: AppError): ReturnType<typeof renderProblem> {
  return renderProblem(error, { path: '/', requestId: newId('req') });
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function boundAddress(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return address;
}

async function closeServer(server: Server, drainMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A kept-alive connection turns idle when its last answer ends, which Node tells nobody.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => server.closeAllConnections(), drainMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}
