import { describe, expect, it } from 'vitest';
import { contractVersion } from '#shared/contract-version.ts';
import { createSigner, createTestVerifier, jwks, ownKeysUrl, supabaseKeysUrl, tokenOf } from './test-tokens.ts';

const first = await createSigner('ES256', 'first');
const second = await createSigner('EdDSA', 'second');
const rsa = await createSigner('RS256', 'rsa');
const away = () => Promise.reject(new Error('connection refused'));
const unavailable = { code: 'unavailable' };
const minute = 60_000;

describe('the published keys', () => {
  it('are asked for as nobody, without following anyone elsewhere, and once for many tokens', async () => {
    const { verify, ownClaims, supabaseClaims, fetched } = createTestVerifier([first], [rsa]);
    for (let index = 0; index < 5; index++) {
      expect(await verify(await first.sign(ownClaims({ sid: `s${index}` })))).not.toBeNull();
      expect(await verify(await rsa.sign(supabaseClaims({ session_id: `s${index}` })))).not.toBeNull();
    }
    expect(fetched.map(({ url, redirect }) => [url, redirect])).toEqual([
      [ownKeysUrl, 'manual'],
      [supabaseKeysUrl, 'manual'],
    ]);
    const [own, theirs] = fetched;
    expect(own?.headers.get('x-gaia-assertion')).toBe('anonymous to auth');
    expect(own?.headers.get('x-gaia-contract')).toBe(String(contractVersion));
    expect([...(theirs?.headers ?? [])]).toEqual([]);
  });

  it('go on working for hours while their server is away', async () => {
    const { verify, ownClaims, served, clock, background } = createTestVerifier([first]);
    expect(await verify(await first.sign(ownClaims()))).not.toBeNull();
    served[ownKeysUrl] = away;
    for (let hour = 0; hour < 23; hour++) {
      clock.ms += 60 * minute;
      expect(await verify(await first.sign(ownClaims()))).not.toBeNull();
      await Promise.all(background);
    }
    clock.ms += 60 * minute;
    await expect(verify(await first.sign(ownClaims()))).rejects.toMatchObject(unavailable);
  });

  it('make nobody wait for a server that was away a moment ago', async () => {
    const { verify, ownClaims, served, clock, background } = createTestVerifier([first]);
    await verify(await first.sign(ownClaims()));
    served[ownKeysUrl] = away;
    clock.ms += 11 * minute;
    await verify(await first.sign(ownClaims()));
    const { promise, resolve } = Promise.withResolvers<Response>();
    served[ownKeysUrl] = () => promise;
    clock.ms += 3_000;
    expect(await verify(await first.sign(ownClaims()))).not.toBeNull();
    resolve(jwks([second])());
    await Promise.all(background);
    expect(await verify(await first.sign(ownClaims({ sid: 'later' })))).toBeNull();
  });

  it('are not known while their server is away from the start: that is 503 and never 401', async () => {
    const { verify, ownClaims, served, clock, fetched } = createTestVerifier([first]);
    served[ownKeysUrl] = away;
    const token = await first.sign(ownClaims());
    await expect(verify(token)).rejects.toMatchObject(unavailable);
    await expect(verify(token)).rejects.toMatchObject(unavailable);
    expect(fetched).toHaveLength(1);
    served[ownKeysUrl] = jwks([first]);
    clock.ms += 2_000;
    expect(await verify(token)).not.toBeNull();
  });

  it.each<[string, () => Response]>([
    ['an error', () => new Response('oops', { status: 500 })],
    ['a redirect', () => Response.redirect('https://evil.test/jwks.json')],
    ['no JSON', () => new Response('<html>')],
    ['another shape', () => Response.json({ keys: 'none' })],
    ['more than it may', () => Response.json({ keys: [first.publicJwk], padding: 'x'.repeat(70_000) })],
    ['more keys than it may', () => Response.json({ keys: Array.from({ length: 33 }, () => first.publicJwk) })],
  ])('are not known where their server answers with %s', async (_what, answer) => {
    const { verify, ownClaims, served } = createTestVerifier([first]);
    served[ownKeysUrl] = answer;
    await expect(verify(await first.sign(ownClaims()))).rejects.toMatchObject(unavailable);
  });

  it.each<[string, object]>([
    ['of encryption', { use: 'enc' }],
    ['of another algorithm', { alg: 'ES384' }],
    ['without an id', { kid: undefined }],
    ['off its curve', { x: 'AAAA' }],
    ['that is a shared secret', { kty: 'oct', k: 'AAAA' }],
  ])('leave out one %s, and keep the others', async (_what, change) => {
    const { verify, ownClaims, served } = createTestVerifier([]);
    served[ownKeysUrl] = () => Response.json({ keys: [{ ...first.publicJwk, ...change }, null, second.publicJwk] });
    expect(await verify(await first.sign(ownClaims()))).toBeNull();
    expect(await verify(await second.sign(ownClaims()))).not.toBeNull();
  });

  it('leave out RSA keys that are too short', async () => {
    const { verify, supabaseClaims, served } = createTestVerifier([]);
    const short = { ...rsa.publicJwk, n: rsa.publicJwk.n?.slice(0, 171) };
    served[supabaseKeysUrl] = () => Response.json({ keys: [short] });
    expect(await verify(await rsa.sign(supabaseClaims()))).toBeNull();
  });
});

describe('when the keys rotate', () => {
  it('takes a new one at once, as long as nobody has asked for an unknown one within a minute', async () => {
    const { verify, ownClaims, served, clock } = createTestVerifier([first]);
    await verify(await first.sign(ownClaims()));
    served[ownKeysUrl] = jwks([first, second]);
    clock.ms += minute;
    expect(await verify(await second.sign(ownClaims()))).not.toBeNull();
  });

  it('asks at most once a minute, however many unknown ids come', async () => {
    const { verify, ownClaims, served, clock, fetched } = createTestVerifier([first]);
    await verify(await first.sign(ownClaims()));
    served[ownKeysUrl] = jwks([first, second]);
    for (let index = 0; index < 59; index++) {
      clock.ms += 1_000;
      expect(await verify(tokenOf({ alg: 'ES256', kid: `unknown-${index}` }, ownClaims(), 'A'.repeat(86)))).toBeNull();
    }
    expect(fetched).toHaveLength(1);
    clock.ms += 1_000;
    expect(await verify(await second.sign(ownClaims()))).not.toBeNull();
    expect(fetched).toHaveLength(2);
  });

  it('calls no good token bad while a fetch of another request is on, even one that never ends', async () => {
    const { verify, ownClaims, served, clock } = createTestVerifier([first]);
    await verify(await first.sign(ownClaims()));
    clock.ms += minute;
    const stuck = stuckFetch();
    served[ownKeysUrl] = stuck.answer;
    void verify(await second.sign(ownClaims()));
    await stuck.started;
    served[ownKeysUrl] = jwks([first, second]);
    expect(await verify(await second.sign(ownClaims({ sid: 'another' })))).not.toBeNull();
  });

  it('believes the fetch that succeeded, not the one beside it that failed later', async () => {
    const { verify, ownClaims, served } = createTestVerifier([first]);
    const stuck = stuckFetch();
    served[ownKeysUrl] = stuck.answer;
    const early = verify(await first.sign(ownClaims()));
    await stuck.started;
    served[ownKeysUrl] = jwks([first]);
    expect(await verify(await first.sign(ownClaims({ sid: 'beside' })))).not.toBeNull();
    stuck.end(() => new Response(null, { status: 500 }));
    expect(await early).not.toBeNull();
    expect(await verify(await second.sign(ownClaims()))).toBeNull();
  });

  it('sends a bounded number of fetches for a flood, says 503 to the rest, and starts over after the deadline', async () => {
    const { verify, ownClaims, served, fetched, clock } = createTestVerifier([first]);
    const stuck = stuckFetch(16);
    served[ownKeysUrl] = stuck.answer;
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => first.sign(ownClaims({ sid: `${index}` }))),
    );
    const flood = tokens.slice(0, 16).map((token) => verify(token));
    await stuck.started;
    served[ownKeysUrl] = jwks([first]);
    for (const token of tokens.slice(16)) await expect(verify(token)).rejects.toMatchObject(unavailable);
    expect(fetched).toHaveLength(16);
    clock.ms += 3_000;
    for (const token of tokens.slice(16)) expect(await verify(token)).not.toBeNull();
    expect(fetched).toHaveLength(17);
    stuck.end(jwks([first]));
    for (const principal of await Promise.all(flood)) expect(principal).not.toBeNull();
  });
});

/** A server of keys that says nothing until the test lets it; `started` when so many have asked it. */
function stuckFetch(times = 1) {
  const started = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<() => Response>();
  let asked = 0;
  return {
    started: started.promise,
    end: ended.resolve,
    answer: async () => {
      asked += 1;
      if (asked === times) started.resolve(undefined);
      return (await ended.promise)();
    },
  };
}
