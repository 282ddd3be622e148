import type { Hono } from 'hono';
import { contractVersion } from '#shared/contract-version.ts';
import type { Principal, Scope } from '#shared/identity/principal.ts';
import { createLogger } from '#shared/log.ts';
import { createHealthReporter } from '#shared/service/health.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { createApp } from '../app.ts';
import { createCatalogue } from '../completion/catalogue.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import { createCompletions, type CompletionLimits } from '../completion/completions.ts';
import { createLocalProvider } from '../providers/index.ts';
import { createProviderHealthBook, type ProviderHealthBook } from '../provider-health/provider-health.ts';

export type TestChat = { app: Hono<ServiceEnv>; logLines: string[]; health: ProviderHealthBook };

export type TestChatOptions = {
  /** Without it, only the local stand-in. */
  providers?: readonly ChatProvider[];
  limits?: Partial<CompletionLimits>;
  pingDatabase?: () => Promise<void>;
};

/** Headers under which the app below believes to be called by a user with these scopes. */
export function asUser(...scopes: Scope[]): Record<string, string> {
  return { 'x-gaia-assertion': scopes.join(' ') || 'nobody', 'x-gaia-contract': String(contractVersion) };
}

export const asAnonymous = asUser();

/** The whole app in process: real middlewares, routes and domain; an assertion is the list of its scopes. */
export function createTestChat(options: TestChatOptions = {}): TestChat {
  const { providers = [createLocalProvider()], limits, pingDatabase = async () => undefined } = options;
  const logLines: string[] = [];
  const log = createLogger({ service: 'chat', level: 'info', write: (line) => void logLines.push(line) });
  const health = createProviderHealthBook();
  const app = createApp({
    log,
    build: { version: '1.2.3', commit: 'abc', contract: contractVersion },
    health: createHealthReporter({ environment: 'local', pingDatabase, natsStatus: () => 'disabled' }),
    verifyAssertion: async (assertion) => principalOf(assertion),
    catalogue: createCatalogue(providers),
    completions: createCompletions({ limits: { ...generousLimits, ...limits }, health, log }),
    providerHealth: health,
  });
  return { app, logLines, health };
}

const generousLimits = { firstByteMs: 10_000, idleMs: 10_000, totalMs: 15_000, keepAliveMs: 10_000 };
const known: readonly Scope[] = ['chat:read', 'chat:write', 'usage:read'];

function principalOf(assertion: string): Principal {
  const scopes = known.filter((scope) => assertion.split(' ').includes(scope));
  if (scopes.length === 0) return { kind: 'anonymous' };
  return { kind: 'user', userId: 'u1', keyId: 'k1', scopes, limits: {} };
}
