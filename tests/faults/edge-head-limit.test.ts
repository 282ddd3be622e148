import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import { serve } from '#shared/service/serve.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { json, knownKey, startHttp } from '../support/edge-backends.ts';
import { rawRequest } from '../support/raw-http.ts';
import { silentLog } from '../support/silent-log.ts';

const cleanUp = new AsyncDisposableStack();
const path = '/v1/images/x';
let edge: Edge;

/** A key that may use as many models as a key can be given, so that its assertion is as long as one can be. */
const resolved: ResolvedKey = {
  principal: {
    kind: 'user',
    userId: 'user-1',
    keyId: 'key-1',
    scopes: ['chat:write'],
    limits: {},
    allowedModels: Array.from({ length: 100 }, (_, index) => `${index}`.padStart(40, 'm')),
  },
  restrictions: { allowedOrigins: null, allowedIps: null },
  expiresAt: null,
};

beforeAll(async () => {
  const auth = cleanUp.use(
    await startHttp((request, response) => {
      if (request.url === '/internal/keys/resolve') return json(response, 200, resolved);
      return json(response, 200, { position: 0, reset: true, completeSince: 0, ageMs: 0, revocations: [] });
    }),
  );
  const app = new Hono<ServiceEnv>();
  app.all('*', (c) => c.json({}));
  const asset = await serve({ app, host: '127.0.0.1', port: 0, log: silentLog });
  cleanUp.defer(() => asset.close(0));
  edge = cleanUp.use(await startEdge({ auth: auth.port, chat: asset.port, asset: asset.port }));
});
afterAll(() => cleanUp.disposeAsync());

const trace = `Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nTracestate: ${'é'.repeat(512)}\r\n`;
const upgrade = 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** What is sent, by its length, and the statuses that it is answered with as it grows. */
const heads: readonly (readonly [string, number[], (length: number) => readonly [string, string]])[] = [
  ['a header', [200, 431], (length) => [path, agent(length)]],
  ['a header beyond ASCII', [200, 431], (length) => [path, agent(length / 2, 'é')]],
  ['a query and a header', [200, 431], (length) => [`${path}?${'q'.repeat(length / 2)}`, agent(length / 2)]],
  ['a query', [200, 431, 414], (length) => [`${path}?${'q'.repeat(length)}`, '']],
  ['a query beyond ASCII', [200, 431], (length) => [`${path}?${'中'.repeat(length / 10)}`, '']],
  ['a header beside a trace', [200, 431], (length) => [path, `${trace}${agent(length)}`]],
  ['subprotocols', [200, 400], (length) => [path, `${upgrade}Sec-WebSocket-Protocol: ${'p'.repeat(length)}\r\n`]],
];

describe('what is too long for a backend’s parser', () => {
  it.each(heads)('is refused before it gets there, under one id: %s', async (_what, expected, headOf) => {
    const statuses = new Set<number>();
    for (let length = 400; length <= 16_000; length += 400) {
      const answer = await send(...headOf(length));
      const status = Number(answer.slice('HTTP/1.1 '.length, 12));
      statuses.add(status);
      if (status === 200) continue;
      const problem = ProblemSchema.parse(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))));
      expect(problem.request_id).toBe(/\r\nx-request-id: (.*)\r\n/i.exec(answer)?.[1]);
      expect(problem.instance).toBe(path);
    }
    expect([...statuses]).toEqual(expected);
  });
});

async function send(target: string, headers: string): Promise<string> {
  const head = `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-API-Key: ${knownKey}\r\n${headers}\r\n`;
  return (await rawRequest(edge.port, Buffer.from(head))).text;
}

function agent(length: number, letter = 'u'): string {
  return `User-Agent: ${letter.repeat(length)}\r\n`;
}
