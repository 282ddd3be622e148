import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { listen } from '../../tests/support/listen.ts';
import { AppError } from '../http/error.ts';
import { createGuardedFetch, type FetchOptions, type GuardedFetchOptions } from './guarded-fetch.ts';

const png = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const name = 'pictures.example.com';
const unreachable = 'image: the URL could not be fetched: it must be of a public web server that answers';

let cleanUp = new AsyncDisposableStack();
afterEach(async () => {
  await cleanUp.disposeAsync();
  cleanUp = new AsyncDisposableStack();
});

describe('fetching what a user named', () => {
  it('gives bytes, type and the last URL, and sends nothing that tells who asks', async () => {
    const seen: [string, string | undefined][][] = [];
    const gone = Promise.withResolvers<void>();
    const { url, fetch } = await served((request, response) => {
      request.socket.once('close', () => gone.resolve());
      seen.push(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      response.setHeader('content-type', 'Image/PNG; charset=x').setHeader('set-cookie', 'a=b').end(png);
    });
    const fetched = await fetch(`${url}/a.png?x=1#y`);
    const fetchedAt = performance.now();
    await gone.promise;
    expect(performance.now() - fetchedAt).toBeLessThan(2_000); // Not when a kept-alive connection would time out.
    expect(fetched).toEqual({ bytes: png, contentType: 'image/png', finalUrl: `${url}/a.png?x=1#y` });
    expect(new Map(seen[0])).toEqual(
      new Map([
        ['host', new URL(url).host],
        ['connection', 'keep-alive'],
        ['accept', 'image/png, image/jpeg'],
        ['accept-encoding', 'identity'],
        ['user-agent', expect.stringContaining('Gaia')],
      ]),
    );
  });

  it('asks for the name in TLS too, and takes no certificate that does not prove it', async () => {
    const names: string[] = [];
    const server = createTlsServer({
      SNICallback: (servername, done) => {
        names.push(servername);
        done(new Error('no certificate'));
      },
    });
    server.on('tlsClientError', () => undefined);
    const { fetch, port } = await serving(server);
    await expect(fetch(`https://${name}:${port}/`)).rejects.toThrow(unreachable);
    expect(names).toEqual([name]);
  });

  it('follows three redirects and no fourth', async () => {
    const { url, fetch } = await served((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left > 0) response.writeHead(302, { location: `/${left - 1}` }).end('elsewhere');
      else response.setHeader('content-type', 'image/png').end(png);
    });
    expect((await fetch(`${url}/3`)).finalUrl).toBe(`${url}/0`);
    await expect(fetch(`${url}/4`)).rejects.toThrow(unreachable);
  });
});

describe('what is on our side of the network', () => {
  it.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', 'fdaa::3', '::ffff:127.0.0.1', '64:ff9b::7f00:1'])(
    'is not connected to where a name has the address %s',
    async (address) => {
      const { url, fetch, connections } = await served(answerPng, {
        allowAddresses: [],
        resolve: async () => [address],
      });
      await expect(fetch(url)).rejects.toThrow(unreachable);
      expect(connections()).toBe(0);
    },
  );

  it('is not connected to where one of several addresses is private', async () => {
    const { url, fetch, connections } = await served(answerPng, { resolve: async () => ['127.0.0.1', '10.0.0.1'] });
    await expect(fetch(url)).rejects.toThrow(unreachable);
    expect(connections()).toBe(0);
  });

  it('is out of reach for a name that changes its address: it is looked up once, and that address is used', async () => {
    const trap = await served(answerPng);
    const answers = [['127.0.0.1'], ['10.0.0.1'], ['169.254.169.254']];
    let asked = 0;
    const resolve = async () => answers[asked++] ?? [];
    const { url, fetch } = await served(answerPng, { resolve });
    expect((await fetch(url)).bytes).toEqual(png);
    expect(asked).toBe(1);
    await expect(fetch(url)).rejects.toThrow(unreachable);
    expect([asked, trap.connections()]).toEqual([2, 0]);
  });

  it.each(
    '10.0.0.1 [::1] localhost metadata.google.internal 167772161 0xa.1 u:p@cdn.example.com internal.example.net'.split(
      ' ',
    ),
  )('is out of reach for a redirect to %s', async (authority) => {
    const asked: unknown[] = [];
    const { url, fetch } = await served(
      ({ url = '', headers }, response) => {
        asked.push(url);
        if (url !== '/') return answerPng({}, response);
        const location = `http://${authority}:${headers.host?.split(':')[1]}/secret`;
        return void response.writeHead(307, { location }).end();
      },
      { resolve: async (host) => [host === 'internal.example.net' ? '192.168.0.1' : '127.0.0.1'] },
    );
    await expect(fetch(url)).rejects.toThrow(unreachable);
    expect(asked).toEqual(['/']);
  });

  it('cannot be told from what does not exist, refuses, hangs up or stays silent', async () => {
    const closed = await closedPort();
    const { url, port, fetch } = await served((request, response) => {
      if (request.url === '/reset') response.destroy();
    });
    const internal = ['http://127.0.0.1:22/', 'http://10.1.2.3/', `http://[::1]:${port}/`, 'http://localhost/'];
    const outside = [`${url}/reset`, `http://${name}:${closed}/`, 'http://nobody.example.org/', `${url}/silent`];
    const errors = await Promise.all([...internal, ...outside].map((each) => refusalOf(fetch(each))));
    expect(errors).toHaveLength(8);
    for (const error of errors) expect(error).toEqual({ ...errors[0] });
    expect(errors[0]).toEqual({ code: 'validation_failed', message: unreachable, path: 'image' });
  });
});

describe('an answer', () => {
  it.each([
    ['of 404', 'the URL answered with status 404', 404, {}],
    ['of 204', 'the URL answered with status 204', 204, {}],
    ['of a redirect to nowhere', 'the URL answered with status 302', 302, {}],
    ['of another type', 'the URL gave none of image/png, image/jpeg', 200, { 'content-type': 'text/html' }],
    ['of no type', 'the URL gave none of image/png, image/jpeg', 200, { 'content-type': '' }],
    ['of a declared length beyond the limit', 'what the URL gave is too large', 200, { 'content-length': '1001' }],
    ['that is compressed', 'the URL could not be fetched', 200, { 'content-encoding': 'gzip' }],
  ])('%s is refused', async (_what, message, status, headers) => {
    const bomb = gzipSync(Buffer.alloc(500_000));
    const { url, fetch } = await served((_request, response) => {
      response.writeHead(status, { 'content-type': 'image/png', ...headers }).end(bomb);
    });
    await expect(fetch(url)).rejects.toThrow(`image: ${message}`);
  });

  it('of exactly the limit is taken, and one byte more is not, whether declared or not', async () => {
    const { url, fetch } = await served((request, response) => {
      const size = request.url?.endsWith('over') ? 1_001 : 1_000;
      response.setHeader('content-type', 'image/png');
      if (request.url?.startsWith('/declared')) response.end(Buffer.alloc(size));
      else response.write(Buffer.alloc(size - 1), () => response.end('x'));
    });
    for (const path of ['/declared', '/chunked']) {
      expect((await fetch(`${url}${path}`)).bytes).toHaveLength(1_000);
      await expect(fetch(`${url}${path}-over`)).rejects.toThrow('image: what the URL gave is too large');
    }
  });

  it('without end is cut off at the limit, and its connection closed', async () => {
    const gone = Promise.withResolvers<void>();
    const { url, fetch } = await served((_request, response) => {
      response.setHeader('content-type', 'image/png');
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(500)));
      };
      response.on('drain', more).once('close', () => gone.resolve());
      more();
    });
    await expect(fetch(url)).rejects.toThrow('image: what the URL gave is too large');
    await gone.promise;
  });

  it.each(['no byte', 'headers that drip', 'a body that drips'])('of %s ends with the time it has', async (how) => {
    const gone = Promise.withResolvers<void>();
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined).resume();
      const head = 'HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n';
      if (how !== 'no byte') socket.write(how === 'a body that drips' ? `${head}content-length: 900\r\n\r\n` : head);
      const drip = setInterval(() => how !== 'no byte' && socket.write('a'), 20);
      socket.once('close', () => {
        clearInterval(drip);
        gone.resolve();
      });
    });
    const totalMs = how === 'no byte' ? 60_000 : 300;
    const { url, fetch } = await serving(server, { limits: { connectMs: 100, firstByteMs: 150, totalMs } });
    await expect(fetch(url)).rejects.toThrow(unreachable);
    await gone.promise;
  });

  it('with 20 kB of headers is refused', async () => {
    const { url, fetch } = await served((_request, response) => {
      response.setHeader('content-type', 'image/png').setHeader('x', 'y'.repeat(20_000)).end(png);
    });
    await expect(fetch(url)).rejects.toThrow(unreachable);
  });
});

describe('a request that ends', () => {
  it('ends its fetch and the connection, with the reason it had', async () => {
    const arrived = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const { url, fetch } = await served((_request, response) => {
      response.once('close', () => gone.resolve());
      arrived.resolve();
    });
    const caller = new AbortController();
    const fetched = fetch(url, { signal: caller.signal });
    await arrived.promise;
    caller.abort(new AppError('request_timeout', 'The client left'));
    await expect(fetched).rejects.toThrow('The client left');
    await gone.promise;
  });

  it('never shows up as a 500, whatever it was aborted with', async () => {
    const { url, fetch, connections } = await served(answerPng);
    await expect(fetch(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'request_timeout' });
    expect(connections()).toBe(0);
  });

  it('is told to come again when too many fetches run, and finds room afterwards', async () => {
    const arrived = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const hold: RequestListener = (request, response) => {
      arrived.resolve();
      void answer.promise.then(() => answerPng(request, response));
    };
    const { url, fetch } = await served(hold, { maxAtOnce: 1 });
    const first = fetch(url);
    await arrived.promise;
    await expect(fetch(url)).rejects.toMatchObject({ code: 'unavailable' });
    answer.resolve();
    await first;
    expect((await fetch(url)).bytes).toEqual(png);
  });
});

const answerPng = (_request: unknown, response: ServerResponse): void => {
  response.setHeader('content-type', 'image/png').end(png);
};

type Settings = Partial<GuardedFetchOptions>;

const served = (answer: RequestListener, settings: Settings = {}) => serving(createServer(answer), settings);

/** A server that the one name leads to, and the fetcher for it. */
async function serving(server: Server, settings: Settings = {}) {
  const port = await listen(server);
  let connections = 0;
  const sockets = new Set<{ destroy: () => void }>();
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
  });
  cleanUp.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => void server.close(resolve));
  });
  const guarded = createGuardedFetch({
    isPlainHttpAllowed: true,
    resolve: async (host) => (host === name ? ['127.0.0.1'] : []),
    allowAddresses: ['127.0.0.1'],
    limits: { connectMs: 1_000, firstByteMs: 700, totalMs: 2_000 },
    ...settings,
    ports: [port, ...(settings.ports ?? []), ...testPorts],
  });
  const standard = { field: 'image', maxBytes: 1_000, contentTypes: ['image/png', 'image/jpeg'] };
  const signal = new AbortController().signal;
  return {
    port,
    url: `http://${name}:${port}`,
    connections: () => connections,
    fetch: (url: string, options: Partial<FetchOptions> = {}) => guarded(url, { ...standard, signal, ...options }),
  };
}

const testPorts: number[] = [];

async function closedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise((resolve) => void server.close(resolve));
  testPorts.push(port);
  return port;
}

async function refusalOf(fetched: Promise<unknown>) {
  const error = await fetched.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(error instanceof AppError)) throw new Error('not refused', { cause: error });
  return { code: error.code, message: error.message, path: error.options.errors?.[0]?.path };
}
