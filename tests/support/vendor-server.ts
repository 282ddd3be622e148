import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { listen } from './listen.ts';
import type { VendorScript } from './vendor-script.ts';
import { cutByUs, sendStream, type StreamAnswer } from './vendor-stream.ts';

export type VendorRequest = {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** Parsed JSON; undefined where there was no body. */
  body: unknown;
  /** The body as it came. */
  bytes: Buffer;
  /** Resolves when the client's side closed before the answer was whole. */
  aborted: Promise<void>;
};

export type FakeVendor = {
  /** `http://127.0.0.1:port`, without the API's own path prefix. */
  url: string;
  /** The only key that it takes. */
  apiKey: string;
  requests: VendorRequest[];
  /** The n-th request from the start, counted from 1, as soon as it is there. */
  received: (count: number) => Promise<VendorRequest>;
  /** Queues what the next request that is not yet spoken for gets. */
  next: (...scripts: VendorScript[]) => void;
  /** What requests get while nothing is queued. */
  always: (script: VendorScript) => void;
  /** From now on any key is good, so that scripts decide about that too. */
  refuseNobody: () => void;
  /** How many connections are open now. */
  connections: () => number;
  close: () => Promise<void>;
};

export type VendorError = { status: number; body: object };
export type VendorAnswer = { json: object } | { stream: StreamAnswer };

export type VendorProtocol = {
  apiKey: string;
  /** What this vendor adds to every answer. */
  headers: () => Record<string, string>;
  /** Who may not ask, told before any script: null where the credentials are good. */
  refuse: (request: VendorRequest) => VendorError | null;
  /** The answer to a good request, or the vendor's own complaint about it. */
  answer: (request: VendorRequest, script: VendorScript) => VendorAnswer | VendorError;
  /** The vendor's error shape for a status that a script asks for. */
  error: (status: number) => object;
};

/** The HTTP server behind the fake vendors: scripts, recording and faults; the protocol says what the bytes mean. */
export async function startVendor(protocol: VendorProtocol): Promise<FakeVendor> {
  const requests: VendorRequest[] = [];
  const queue: VendorScript[] = [];
  const waiting = new Set<() => void>();
  let fallback: VendorScript = {};
  let { refuse } = protocol;

  const server = createServer({ noDelay: true }, (req, res) => {
    void record(req, res)
      .then(async (request) => {
        requests.push(request);
        for (const check of waiting) check();
        await serve(res, request);
      })
      .catch(() => req.destroy()); // The client left while it was still sending.
  });

  const serve = async (res: ServerResponse, request: VendorRequest): Promise<void> => {
    for (const [name, value] of Object.entries(protocol.headers())) res.setHeader(name, value);
    const refusal = refuse(request);
    if (refusal) sendJson(res, refusal.status, refusal.body);
    else await play(res, request, protocol, queue.shift() ?? fallback);
  };

  const sockets = socketsOf(server);
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    apiKey: protocol.apiKey,
    requests,
    next: (...scripts) => void queue.push(...scripts),
    always: (script) => {
      fallback = script;
    },
    refuseNobody: () => {
      refuse = () => null;
    },
    connections: () => sockets.size,
    received: async (count) =>
      await new Promise((resolve) => {
        const check = (): void => {
          const request = requests[count - 1];
          if (!request) return;
          waiting.delete(check);
          resolve(request);
        };
        waiting.add(check);
        check();
      }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function socketsOf(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}

async function play(
  res: ServerResponse,
  request: VendorRequest,
  protocol: VendorProtocol,
  script: VendorScript,
): Promise<void> {
  await script.before;
  if (script.hang || res.destroyed) return;
  const { status = 200, body } = script;
  if (script.encoding) res.setHeader('content-encoding', script.encoding);
  for (const [name, value] of Object.entries(script.headers ?? {})) res.setHeader(name, value);
  if (body !== undefined || status !== 200) {
    sendJson(res, status, body ?? protocol.error(status));
    return;
  }
  const answer = protocol.answer(request, script);
  if ('status' in answer) sendJson(res, answer.status, answer.body);
  else if ('json' in answer) sendJson(res, 200, answer.json);
  else {
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    await sendStream(res, answer.stream, script);
  }
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  if (!res.hasHeader('content-type')) res.setHeader('content-type', 'application/json');
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  res.writeHead(status).end(res.getHeader('content-encoding') === 'gzip' ? gzipSync(text) : text);
}

async function record(req: IncomingMessage, res: ServerResponse): Promise<VendorRequest> {
  const aborted = abortOf(res);
  const source: AsyncIterable<Uint8Array> = req;
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return {
    method: req.method ?? '',
    path: (req.url ?? '').split('?')[0] ?? '',
    headers: req.headers,
    body: parseJson(bytes.toString('utf8')),
    bytes,
    aborted,
  };
}

function abortOf(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    res.once('close', () => {
      if (!res.writableFinished && !cutByUs.has(res)) resolve();
    });
  });
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
