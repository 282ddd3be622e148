import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export type VendorRequest = { headers: IncomingMessage['headers']; url: string; body: Buffer };

/** Answers one request; everything a vendor can do to a connection is allowed. */
export type VendorScript = (response: ServerResponse, request: VendorRequest) => void | Promise<void>;

export type ScriptedVendor = {
  baseUrl: string;
  requests: VendorRequest[];
  /** What the next requests are answered with. */
  play: (script: VendorScript) => void;
  /** Resolves when a connection that was being answered is closed by the other side. */
  hungUp: () => Promise<void>;
  close: () => Promise<void>;
};

/** A vendor on a real port that does exactly what a test tells it to. */
export async function startScriptedVendor(): Promise<ScriptedVendor> {
  const requests: VendorRequest[] = [];
  let script: VendorScript = (response) => void response.writeHead(500).end();
  let gone = Promise.withResolvers<void>();
  const server = createServer((incoming, response) => {
    response.once('close', () => {
      if (!response.writableFinished) gone.resolve();
    });
    void collect(incoming).then(async (body) => {
      const request = { headers: incoming.headers, url: incoming.url ?? '', body };
      requests.push(request);
      await script(response, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    play: (next) => {
      script = next;
      gone = Promise.withResolvers();
      requests.length = 0;
    },
    hungUp: () => gone.promise,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function collect(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(incoming, 'end');
  return Buffer.concat(chunks);
}
