import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import { renderProblem } from '#shared/http/problem.ts';
import { aUser } from '../test-gateway.ts';
import { createAuthHttpKeyStore } from './auth-http.ts';
import { createFallbackKeyStore } from './fallback.ts';
import type { KeyStore } from './key-store.ts';

const path = '/internal/keys/resolve';
const hash = 'f'.repeat(64);
const problemType = 'application/problem+json';
const unavailable: unknown = expect.objectContaining({ code: 'unavailable' });

function storeAnswered(answer: () => Response): KeyStore {
  return createAuthHttpKeyStore({
    authUrl: 'http://auth.test',
    assertions: () => 'assertion',
    send: async () => answer(),
  });
}

/** What a service of ours answers. */
function refusal(code: 'not_found' | 'unavailable', detail: string): Response {
  const { status, headers, body } = renderProblem(new AppError(code, detail), { path, requestId: 'req_1' });
  return new Response(body, { status, headers });
}

function answered(contentType: string, body: string): Response {
  return new Response(body, { status: 404, headers: { 'content-type': contentType } });
}

/** As the platform gives an answer whose connection broke after the headers. */
function broken(status: number): Response {
  const body = new ReadableStream({ start: (controller) => controller.error(new Error('cut')) });
  return new Response(body, { status, headers: { 'content-type': problemType } });
}

describe('a key', () => {
  it('is unknown where auth says so, in words that every version of it has said', async () => {
    expect(await storeAnswered(() => refusal('not_found', 'No usable key has this hash')).find(hash)).toBeNull();
  });

  it.each([
    ['the page of a proxy', () => answered('text/html', '<h1>Not Found</h1>')],
    ['an empty answer', () => new Response(null, { status: 404 })],
    ['a path that this auth does not have', () => refusal('not_found', 'There is nothing at this path')],
    ['a problem of somebody else', () => answered(problemType, '{"detail":"No usable key has this hash"}')],
    ['a problem that is no JSON', () => answered(problemType, '<h1>Not Found</h1>')],
  ])('is not unknown because of a 404 that is %s: the fallback is asked', async (_what, answer) => {
    expect(await outcomes(storeAnswered(answer))).toEqual([unavailable, aUser]);
  });

  it('is not unknown because somebody answered null', async () => {
    expect(await outcomes(storeAnswered(() => Response.json(null)))).toEqual([unavailable, aUser]);
  });

  it.each([200, 404, 500])('is asked of the fallback when the answer, of status %i, breaks off', async (status) => {
    expect(await outcomes(storeAnswered(() => broken(status)))).toEqual([unavailable, aUser]);
  });
});

/** What comes of a look-up without another store behind this one, and with one that knows every key. */
async function outcomes(store: KeyStore): Promise<unknown[]> {
  const alone = store.find(hash).catch((error: unknown) => error);
  const backed = createFallbackKeyStore(store, { find: async () => aUser }).find(hash);
  return await Promise.all([alone, backed]);
}
