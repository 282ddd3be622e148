import { base64url, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { createTokenVerifier, type SessionRevocations, type TokenVerifier } from './jwt.ts';
import { createTokenIssuers } from './token-issuers.ts';

export const ownKeysUrl = 'http://auth.test/.well-known/jwks.json';
export const supabaseKeysUrl = 'https://project.supabase.test/auth/v1/.well-known/jwks.json';
export const supabaseSecret = 'a-secret-of-the-project-with-enough-characters';
export const userId = '0b7ee0c4-6e0c-4e3a-9f51-0d3c7a6b2f10';

export type TestSigner = {
  kid: string;
  publicJwk: JWK;
  privateJwk: JWK;
  /** Signs anything, also what a signing library would refuse to. Texts stand as they are. */
  sign: (claims: object | string, header?: object | string) => Promise<string>;
};

const schemes = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
} as const;

export async function createSigner(alg: keyof typeof schemes, kid: string): Promise<TestSigner> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const sign = (text: Uint8Array) => crypto.subtle.sign(schemes[alg], privateKey, text);
  return {
    kid,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    privateJwk: { ...(await exportJWK(privateKey)), kid },
    sign: (claims, header) => signed(whole({ alg, kid, typ: 'JWT' }, header), claims, sign),
  };
}

/** Signs as Supabase does with a shared secret. */
export async function signWithSecret(
  claims: object | string,
  { secret = supabaseSecret, header = {} }: { secret?: string | Uint8Array; header?: object | string } = {},
): Promise<string> {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret;
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return await signed(whole({ alg: 'HS256', typ: 'JWT' }, header), claims, (text) =>
    crypto.subtle.sign('HMAC', key, text),
  );
}

/** A token of these parts as they are, whether or not a signer would sign them. */
export function tokenOf(header: object | string, claims: object | string, signature = 'AAAA'): string {
  return `${encoded(header)}.${encoded(claims)}.${signature}`;
}

export type TestVerifier = {
  /** As requests ask. */
  callerOf: TokenVerifier['verify'];
  /** Whom a token names; null: it is not good. */
  verify: (token: string) => Promise<UserPrincipal | null>;
  /** Now, for everything in here. */
  clock: { ms: number };
  /** What a fetch of a JWKS brings; a test changes it. */
  served: Record<string, (request: Request) => Response | Promise<Response>>;
  fetched: Request[];
  revocations: SessionRevocations;
  background: Promise<unknown>[];
  ownClaims: (changes?: object) => object;
  supabaseClaims: (changes?: object) => object;
};

/** The verifier as worker.ts makes it, with its clock, its way out and the feed of revocations replaced. */
export function createTestVerifier(own: readonly TestSigner[], theirs: readonly TestSigner[] = []): TestVerifier {
  const clock = { ms: Date.parse('2026-11-21T12:00:00Z') };
  const served: TestVerifier['served'] = { [ownKeysUrl]: jwks(own), [supabaseKeysUrl]: jwks(theirs) };
  const fetched: Request[] = [];
  const background: Promise<unknown>[] = [];
  const revocations: SessionRevocations = { isSessionRevoked: () => false };
  const now = () => clock.ms;
  const issuers = createTokenIssuers({
    config: {
      AUTH_SERVICE_URL: 'http://auth.test',
      SUPABASE_URL: 'https://project.supabase.test/',
      SUPABASE_JWT_SECRET: supabaseSecret,
    },
    assertions: async (principal, audience) => `${principal.kind} to ${audience}`,
    background: (work) => void background.push(work),
    send: async (input, init) => {
      const request = new Request(input, init);
      fetched.push(request);
      return (await served[request.url]?.(request)) ?? new Response(null, { status: 404 });
    },
    now,
  });
  const seconds = () => Math.floor(clock.ms / 1_000);
  const claims = () => ({ sub: userId, iat: seconds(), exp: seconds() + 600 });
  const { verify: callerOf } = createTokenVerifier({
    issuers,
    revocations: { isSessionRevoked: (...asked) => revocations.isSessionRevoked(...asked) },
    now,
  });
  return {
    callerOf,
    verify: async (token) => (await callerOf(token))?.principal ?? null,
    clock,
    served,
    fetched,
    revocations,
    background,
    ownClaims: (changes) => ({ ...claims(), iss: 'gaia', aud: 'gaia', scopes: ['chat:write'], ...changes }),
    supabaseClaims: (changes) => ({
      ...claims(),
      iss: 'https://project.supabase.test/auth/v1',
      aud: 'authenticated',
      role: 'authenticated',
      session_id: 'session-1',
      ...changes,
    }),
  };
}

export function jwks(signers: readonly TestSigner[]): () => Response {
  return () => Response.json({ keys: signers.map(({ publicJwk }) => publicJwk) });
}

function whole(usual: object, header: object | string = {}): object | string {
  return typeof header === 'string' ? header : { ...usual, ...header };
}

async function signed(
  header: object | string,
  claims: object | string,
  sign: (text: Uint8Array) => Promise<ArrayBuffer>,
): Promise<string> {
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${base64url.encode(new Uint8Array(await sign(new TextEncoder().encode(text))))}`;
}

function encoded(part: object | string): string {
  return base64url.encode(typeof part === 'string' ? part : JSON.stringify(part));
}
