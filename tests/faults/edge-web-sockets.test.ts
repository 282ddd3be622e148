import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { WebSocket, type WebSocketInit } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { echoWebSockets } from '../support/echo-web-socket.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { knownKey, startKnowingAuth } from '../support/edge-backends.ts';
import { listen } from '../support/listen.ts';
import { rawRequest } from '../support/raw-http.ts';

const cleanUp = new AsyncDisposableStack();
let edge: Edge;
let upgrades: IncomingMessage[];

beforeAll(async () => {
  upgrades = [];
  const auth = cleanUp.use(await startKnowingAuth());
  const server = createServer((_request, response) => response.writeHead(426).end());
  echoWebSockets(server, (request) => upgrades.push(request));
  const port = await listen(server);
  cleanUp.defer(() => void server.close());
  edge = cleanUp.use(await startEdge({ auth: auth.port, chat: port, asset: port }));
});
afterAll(() => cleanUp.disposeAsync());

async function echoed(options: WebSocketInit): Promise<{ protocol: string; text: unknown }> {
  const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/v1/chat/live`, options);
  const opened = once(socket, 'open');
  await opened;
  const answered = new Promise<unknown>((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(data));
  });
  socket.send('Hello, Gaia');
  const text = await answered;
  const closed = once(socket, 'close');
  socket.close();
  await closed;
  return { protocol: socket.protocol, text };
}

describe('a WebSocket', () => {
  it.each([
    ['a header', { headers: { 'x-api-key': knownKey } }, ''],
    ['a subprotocol', { protocols: ['gaia', `gaia-key.${knownKey}`] }, 'gaia'],
    ['a subprotocol before all others', { protocols: [`gaia-key.${knownKey}`, 'gaia'] }, 'gaia'],
    ['a subprotocol in capitals', { protocols: ['gaia', `GAIA-Key.${knownKey}`] }, 'gaia'],
  ])('passes both ways with the key in %s, which never reaches the backend', async (_where, options, protocol) => {
    upgrades = [];
    expect(await echoed(options)).toEqual({ protocol, text: 'Hello, Gaia' });
    const [request] = upgrades;
    expect(JSON.stringify(request?.rawHeaders)).not.toContain(knownKey);
    const verify = createAssertionVerifier(edge.publicKeys, 'chat');
    expect(await verify(String(request?.headers['x-gaia-assertion']))).toMatchObject({ userId: 'user-1' });
  });

  it.each([
    ['without a key', { protocols: ['gaia'] }],
    ['with a mistyped one', { protocols: ['gaia', `gaia-key.${knownKey}x`] }],
    ['with one beside a header', { protocols: ['gaia', `gaia-key.${knownKey}`], headers: { 'x-api-key': knownKey } }],
    ['with two', { protocols: ['gaia', `gaia-key.${knownKey}`, `gaia-key.${knownKey}x`] }],
    ['with two, one in capitals', { protocols: ['gaia', `gaia-key.${knownKey}`, `GAIA-KEY.${knownKey}x`] }],
    [
      'with one in capitals beside a header',
      { protocols: [`Gaia-Key.${knownKey}`], headers: { 'x-api-key': knownKey } },
    ],
  ])('%s is refused and no backend hears of it', async (_what, options) => {
    upgrades = [];
    const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/v1/chat/live`, options);
    const opened = once(socket, 'open').then(() => 'opened');
    expect(await Promise.race([opened, once(socket, 'error').then(() => 'refused')])).toBe('refused');
    expect(upgrades).toEqual([]);
  });

  it('is no way to name a key on a request that is no upgrade', async () => {
    const headers = { 'sec-websocket-protocol': `gaia, gaia-key.${knownKey}` };
    expect((await fetch(`${edge.url}/v1/models`, { headers })).status).toBe(401);
  });
});

describe('a handshake', () => {
  const good = [
    `X-API-Key: ${knownKey}`,
    'Upgrade: websocket',
    'Connection: Upgrade, close',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  const shaken = async (method: string, headers: readonly string[]): Promise<string> => {
    upgrades = [];
    const head = [`${method} /v1/chat/live HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n');
    return (await rawRequest(edge.port, head, 1_000)).text;
  };
  const without = (name: string): string[] => good.filter((header) => !header.startsWith(name));

  it('passes when nothing is wrong with it', async () => {
    expect(await shaken('GET', good)).toMatch(/^HTTP\/1\.1 101 /);
    expect(upgrades).toHaveLength(1);
  });

  it.each([
    ['by POST', 400, 'POST', [...good, 'Content-Length: 0']],
    ['without a version', 426, 'GET', without('Sec-WebSocket-Version')],
    ['of another version', 426, 'GET', [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 8']],
    ['without a key', 400, 'GET', without('Sec-WebSocket-Key')],
    ['with a short key', 400, 'GET', [...without('Sec-WebSocket-Key'), 'Sec-WebSocket-Key: dGhlIHNhbXBsZQ==']],
    ['with a credential behind a space', 400, 'GET', [...good, `Sec-WebSocket-Protocol: gaia gaia-key.${knownKey}`]],
    ['with a key twice', 400, 'GET', [...good, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']],
  ])('%s is a %i of ours, in the log too, and no backend hears of it', async (_what, status, method, headers) => {
    const before = edge.logLines.length;
    const answer = await shaken(method, headers);
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(ProblemSchema.parse(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).status).toBe(status);
    expect(/\r\nsec-websocket-version: (.*)\r\n/i.exec(answer)?.[1]).toBe(status === 426 ? '13' : undefined);
    expect(edge.logLines.slice(before).join('\n')).toContain(`"status":${status}`);
    expect(upgrades).toEqual([]);
  });
});
