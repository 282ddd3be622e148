import type { Socket } from 'node:net';
import { once } from 'node:events';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEdge, type Edge } from '../support/edge.ts';
import { knownKey, startHttp, startKnowingAuth, startRaw } from '../support/edge-backends.ts';
import { chunkedBody, openRequest, rawRequest } from '../support/raw-http.ts';

const cleanUp = new AsyncDisposableStack();
const text = 'Gaia '.repeat(50);
const firstByteMs = 600;
const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
const chunk = '7\r\ndata: 1\r\n';

let edge: Edge;
/** What the socket of a raw chat backend does with a request, and the sockets that came. */
let answer: (socket: Socket) => void;
let arrived: PromiseWithResolvers<Socket>;

beforeAll(async () => {
  const auth = cleanUp.use(await startKnowingAuth());
  const chat = cleanUp.use(
    await startRaw((socket, head) => {
      if (head.startsWith('GET /version ')) return void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      answer(socket);
      return arrived.resolve(socket);
    }),
  );
  const asset = cleanUp.use(
    await startHttp((request, response) => {
      const coding = request.url?.split('/').at(-1);
      if (coding === 'gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(text));
      else if (coding === 'br') response.writeHead(200, { 'content-encoding': 'br' }).end(brotliCompressSync(text));
      else response.writeHead(200, { 'content-length': text.length }).end(text);
    }),
  );
  const ports = { auth: auth.port, chat: chat.port, asset: asset.port };
  edge = cleanUp.use(await startEdge(ports, { UPSTREAM_FIRST_BYTE_SECONDS: String(firstByteMs / 1_000) }));
});
afterAll(() => cleanUp.disposeAsync());

const post = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${knownKey}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`;
const chatRequest = post('/v1/chat/completions');
const closingRequest = chatRequest.replace('Host: a', 'Host: a\r\nConnection: close');

function backend(answers: (socket: Socket) => void): Promise<Socket> {
  answer = answers;
  arrived = Promise.withResolvers();
  return arrived.promise;
}

describe('a stream', () => {
  it('passes each event when it comes, and goes on after the deadline of the first byte', async () => {
    const coming = backend((socket) => void socket.write(head + chunk));
    const client = await openRequest(edge.port, chatRequest);
    await client.until('data: 1');
    const socket = await coming;
    await new Promise((resolve) => {
      setTimeout(resolve, firstByteMs + 200); // The deadline itself is what must pass by.
    });
    socket.write('7\r\ndata: 2\r\n0\r\n\r\n');
    expect(chunkedBody(await client.until('data: 2\r\n0\r\n\r\n')).complete).toBe(true);
    client.socket.destroy();
  });

  it.each([
    ['is cut between two events', `${head}${chunk}`, 'fin'],
    ['is cut in an event', `${head}${chunk}40\r\ndata: 2`, 'fin'],
    ['is reset', `${head}${chunk}`, 'reset'],
    ['goes on with garbage', `${head}${chunk}garbage\r\n\r\n`, 'open'],
    ['has fewer bytes than it said', 'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\ndata: 1', 'fin'],
  ])('that %s ends in a broken connection, never in a clean end', async (_what, bytes, how) => {
    const coming = backend((socket) => void socket.write(bytes));
    const answer = rawRequest(edge.port, chatRequest);
    const socket = await coming;
    setTimeout(() => {
      if (how === 'fin') socket.destroy();
      if (how === 'reset') socket.resetAndDestroy();
    }, 50);
    const { text, ended } = await answer;
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).toContain('data: 1');
    expect(ended).not.toBe('open');
    const whole = /content-length: 50/i.test(text) ? !text.endsWith('data: 1') : chunkedBody(text).complete;
    expect(whole).toBe(false);
  });

  it.each([
    ['in the middle', (socket: Socket) => socket.destroy()],
    ['in the middle, hard', (socket: Socket) => socket.resetAndDestroy()],
  ])('is cancelled at the backend within a second when the client leaves %s', async (_how, leave) => {
    const coming = backend((socket) => {
      socket.write(head);
      const tokens = setInterval(() => socket.write(chunk), 100);
      socket.once('close', () => clearInterval(tokens));
    });
    const client = await openRequest(edge.port, chatRequest);
    await client.until('data: 1');
    const closed = once(await coming, 'close');
    const leftAt = performance.now();
    leave(client.socket);
    await closed;
    expect(performance.now() - leftAt).toBeLessThan(1_000);
  });

  it('is cancelled before its first byte when the client resets the connection', async () => {
    const coming = backend(() => undefined);
    const { socket: client } = await openRequest(edge.port, chatRequest);
    const closed = once(await coming, 'close');
    const leftAt = performance.now();
    client.resetAndDestroy();
    await closed;
    expect(performance.now() - leftAt).toBeLessThan(firstByteMs / 2);
  });
});

describe('an answer that is no HTTP', () => {
  it.each([
    ['garbage', 'garbage\r\n\r\n'],
    ['a header that ends too soon', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['a status beyond all', 'HTTP/1.1 999 Odd\r\ncontent-length: 0\r\n\r\n'],
    ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  ])('is a 502 for %s, never a 500', async (_what, bytes) => {
    void backend((socket) => void socket.end(bytes));
    const { text } = await rawRequest(edge.port, closingRequest);
    expect(text).toMatch(/^HTTP\/1\.1 502 /);
    // A good answer in between, so that these are not five failures in a row.
    void backend((socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n'));
    expect((await rawRequest(edge.port, closingRequest)).text).toMatch(/^HTTP\/1\.1 204 /);
  });
});

describe('an answer that may have no body', () => {
  it.each(['204 No Content', '205 Reset', '304 Not Modified'])(
    'passes as %s although one came with it',
    async (status) => {
      void backend((socket) => void socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 2\r\n\r\nab`));
      const { text } = await rawRequest(edge.port, closingRequest);
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status.slice(0, 3)} `));
      expect(text).not.toMatch(/ab$/);
    },
  );
});

describe('encoded bodies', () => {
  const ask = (coding: string, method: string, accepts: string): string =>
    `${method} /v1/images/${coding} HTTP/1.1\r\nHost: a\r\nX-API-Key: ${knownKey}\r\nConnection: close\r\n${accepts}\r\n`;

  it.each([
    ['gzip', gzipSync(text)],
    ['br', brotliCompressSync(text)],
  ])('pass as they are to a client that accepts %s', async (coding, bytes) => {
    const { text: answer } = await rawRequest(edge.port, ask(coding, 'GET', `Accept-Encoding: ${coding}\r\n`));
    expect(answer).toMatch(new RegExp(`content-encoding: ${coding}`, 'i'));
    expect(bodyOf(answer)).toBe(bytes.toString('latin1'));
  });

  it.each([
    ['gzip', ''],
    ['gzip', 'Accept-Encoding: br, gzip;q=0\r\n'],
    ['br', 'Accept-Encoding: gzip\r\n'],
    ['identity', ''],
  ])('are plain for a client that does not accept %s (%j)', async (coding, accepts) => {
    const { text: answer } = await rawRequest(edge.port, ask(coding, 'GET', accepts));
    expect(answer).not.toMatch(/content-encoding/i);
    expect(bodyOf(answer)).toBe(text);
  });

  it('have no body and keep their length in an answer to HEAD', async () => {
    const { text: answer } = await rawRequest(edge.port, ask('identity', 'HEAD', ''));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(new RegExp(`content-length: ${text.length}\r\n`, 'i'));
    expect(answer).toMatch(/\r\n\r\n$/);
  });
});

function bodyOf(answer: string): string {
  if (/transfer-encoding: chunked/i.test(answer)) return chunkedBody(answer).body;
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}
