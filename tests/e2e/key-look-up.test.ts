import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApiKey } from '#shared/identity/api-key.ts';
import { noUsableKey, type ResolvedKey } from '#shared/identity/resolved-key.ts';
import { answerHealth, json, startHttp, type TestBackend } from '../support/edge-backends.ts';
import { startEdge, type Edge } from '../support/edge.ts';

/**
 * What only the real workerd can tell: requests that wait for what another request has started, while that one ends.
 */
const resolved: ResolvedKey = {
  principal: { kind: 'user', userId: 'user-1', keyId: 'key-1', scopes: ['chat:write'], limits: {} },
  restrictions: { allowedOrigins: null, allowedIps: null },
  expiresAt: null,
};
const slownessMs = 1_000;
const seen = { lookUps: 0, feedReads: 0 };
let known = true;
/** Only a fresh isolate has to wait for the feed. Later, that would decide which requests meet in a look-up. */
let feedMs = slownessMs;

let auth: TestBackend;
let chat: TestBackend;
let edge: Edge;

beforeAll(async () => {
  auth = await startHttp((incoming, outgoing) => void answerAsAuth(incoming, outgoing));
  chat = await startHttp(answerHealth);
  edge = await startEdge(
    { auth: auth.port, chat: chat.port, asset: chat.port },
    { ADDRESS_FLOOD_LIMIT: '100000', KEY_FLOOD_LIMIT: '100000' },
  );
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await auth[Symbol.asyncDispose]();
  await chat[Symbol.asyncDispose]();
});

beforeEach(() => {
  known = true;
  seen.lookUps = 0;
});

describe('requests that need the same thing at the same time', () => {
  it('cause one reading of the feed and one look-up in a fresh isolate', async () => {
    const { key } = await createApiKey('dev');
    expect(await statuses(key, 50)).toEqual(new Map([[200, 50]]));
    expect(seen).toEqual({ feedReads: 1, lookUps: 1 });
    feedMs = 0;
  });

  it('cause one look-up of an unknown key, a thousand of them', async () => {
    known = false;
    const { key } = await createApiKey('dev');
    expect(await statuses(key, 1_000)).toEqual(new Map([[401, 1_000]]));
    expect(seen.lookUps).toBe(1);
  });

  it('are all answered when the one that started the look-up is gone', async () => {
    const { key } = await createApiKey('dev');
    const first = request(`${edge.url}/v1/models`, { agent: false, headers: { 'x-api-key': key } }).end();
    const left = new Promise((resolve) => {
      first.on('error', () => undefined).on('close', resolve);
    });
    await vi.waitUntil(() => seen.lookUps === 1);
    const others = statuses(key, 20);
    first.destroy();
    await left;
    expect(await others).toEqual(new Map([[200, 20]]));
    expect(seen.lookUps).toBe(1);
  });
});

async function answerAsAuth(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { url = '' } = incoming;
  const isFeed = url.startsWith('/internal/revocations');
  if (!isFeed && url !== '/internal/keys/resolve') return answerHealth(incoming, outgoing);
  seen[isFeed ? 'feedReads' : 'lookUps'] += 1;
  // A feed that begins anew makes worthless what is being looked up, and only the first reading does.
  const reset = seen.feedReads === 1;
  await delay(isFeed ? feedMs : slownessMs);
  if (isFeed) return json(outgoing, 200, { position: 0, reset, completeSince: 0, ageMs: 0, revocations: [] });
  if (known) return json(outgoing, 200, resolved);
  const problem = { code: 'not_found', detail: noUsableKey };
  outgoing.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
}

async function statuses(key: string, count: number): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  const ask = async (): Promise<void> => {
    const answer = await fetch(`${edge.url}/v1/models`, { headers: { 'x-api-key': key } });
    await answer.arrayBuffer();
    counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
  };
  await Promise.all(Array.from({ length: count }, ask));
  return counts;
}
