import { createExecutionContext } from 'cloudflare:test';
import { createAssertionSigner } from '#shared/identity/assertion-sign.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import { createLogger } from '#shared/log.ts';
import { decodeJwt, exportJWK, generateKeyPair } from 'jose';
import { createApp } from './app.ts';
import { createAssertions } from './auth/assertion.ts';
import { createCredentialHashes } from './auth/credential-hashes.ts';
import type { TokenVerifier } from './auth/jwt.ts';
import { readConfig } from './config.ts';
import { createKeyCache } from './keys/key-cache.ts';
import type { KeyStore } from './keys/key-store.ts';
import type { Revocations } from './keys/revocations.ts';
import { bindLimits, type LimitBindings } from './limits/bind-limits.ts';
import { createUpstreams } from './upstreams/table.ts';

export const aUser: ResolvedKey = {
  principal: { kind: 'user', userId: 'user-1', keyId: 'key-1', scopes: ['chat:write'], limits: {} },
  restrictions: { allowedOrigins: null, allowedIps: null },
  expiresAt: null,
};

export type TestGateway = {
  request: (path: string, init?: RequestInit) => Promise<Response>;
  /** What reached an upstream, in order. */
  sent: Request[];
  logLines: string[];
};

export type TestGatewayOptions = {
  find?: KeyStore['find'];
  verify?: TokenVerifier['verify'];
  revocations?: Revocations;
  answer?: (request: Request) => Promise<Response> | Response;
  vars?: Record<string, string>;
  bindings?: LimitBindings;
};

/** A gateway in this workerd with its two ways out replaced: where keys are found, and where requests go. */
export async function testGateway({
  find = async () => aUser,
  verify = async () => null,
  revocations = nothingRevoked,
  answer = () => Response.json({ ok: true }),
  vars = {},
  bindings = {},
}: TestGatewayOptions = {}): Promise<TestGateway> {
  const sent: Request[] = [];
  const logLines: string[] = [];
  const config = readConfig({ ...environment, GATEWAY_SIGNING_KEY: JSON.stringify(await signingKey()), ...vars });
  const app = createApp({
    config,
    log: createLogger({ service: 'gateway', level: 'debug', write: (line) => logLines.push(line) }),
    assertions: createAssertions(createAssertionSigner(config.GATEWAY_SIGNING_KEY)),
    identities: {
      keys: createKeyCache({ store: { find }, revocations }),
      tokens: { verify, recall: () => null },
      revocations,
      hashes: createCredentialHashes(),
    },
    limits: bindLimits(config, bindings),
    upstreams: createUpstreams(config),
    send: async (input, init) => {
      const request = new Request(input, init);
      sent.push(request);
      return await answer(request);
    },
  });
  return {
    request: async (path, init) =>
      await app.fetch(new Request(`http://gateway.test${path}`, init), createExecutionContext()),
    sent,
    logLines,
  };
}

/** A feed that is always current and empty. */
export const nothingRevoked: Revocations = {
  areFresh: () => true,
  current: async () => undefined,
  mark: () => 0,
  hasKeyChanged: () => false,
  isSessionRevoked: () => false,
};

export const environment = {
  ENVIRONMENT: 'local',
  ALLOWED_ORIGINS: 'https://app.test',
  AUTH_SERVICE_URL: 'http://auth.test',
  ASSET_SERVICE_URL: 'http://asset.test',
  CHAT_SERVICE_URL: 'http://chat.test',
};

export async function signingKey(): Promise<object> {
  const { privateKey } = await generateKeyPair('Ed25519', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid: 'test-1' };
}

/** The principal that the gateway signed for the backend a request went to. */
export function principalSent(request: Request | undefined): unknown {
  return decodeJwt(request?.headers.get('x-gaia-assertion') ?? '')['principal'];
}
