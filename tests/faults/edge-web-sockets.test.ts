import { createServer, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { WebSocket, type WebSocketInit } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { echoWebSockets } from '../support/echo-web-socket.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { knownKey, startKnowingAuth } from '../support/edge-backends.ts';
import { listen } from '../support/listen.ts';

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
    ['with two', { protocols: ['gaia', `gaia-key.${knownKey}`], headers: { 'x-api-key': knownKey } }],
  ])('%s is refused and no backend hears of it', async (_what, options) => {
    upgrades = [];
    const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/v1/chat/live`, options);
    await once(socket, 'error');
    expect(upgrades).toEqual([]);
  });

  it('is no way to name a key on a request that is no upgrade', async () => {
    const headers = { 'sec-websocket-protocol': `gaia, gaia-key.${knownKey}` };
    expect((await fetch(`${edge.url}/v1/models`, { headers })).status).toBe(401);
  });
});
