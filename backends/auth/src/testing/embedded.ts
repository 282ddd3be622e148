import { generateKeyPairSync } from 'node:crypto';
import type { Database } from '#shared/db/connect.ts';
import { createEmbeddedIdentity, type EmbeddedIdentityOptions, type Identity } from '../embedded-identity.ts';
import { accountLimits, createAccountLimits, type AccountLimits } from '../limits/account-limits.ts';
import type { AttemptLimit } from '../limits/attempts.ts';
import type { Email } from '../mail/mailer.ts';
import { createPasswordHasher } from '../passwords/password-hasher.ts';
import type { SigningKey } from '../tokens/signing-keys.ts';

/** Real argon2id at the least cost it has, for tests of something else. */
export const cheapPasswords = createPasswordHasher({ cost: { memory: 8, passes: 1 } });

export function createSigningKey(kid: string): SigningKey {
  return { kid, algorithm: 'EdDSA', privateKey: generateKeyPairSync('ed25519').privateKey };
}

export type TestIdentityParts = { identity: Identity; mails: Email[]; signingKey: SigningKey };

/** Our own identity provider over a test's database, with a mailbox that the test can read. */
export function createTestEmbedded(db: Database, options: Partial<EmbeddedIdentityOptions> = {}): TestIdentityParts {
  const mails: Email[] = [];
  const signingKey = createSigningKey('test');
  const identity = createEmbeddedIdentity({
    db,
    signingKeys: [signingKey],
    mailer: { send: (email) => void mails.push(email), settled: async () => undefined },
    confirmation: 'optional',
    confirmUrl: null,
    resetUrl: null,
    passwords: cheapPasswords,
    ...options,
  });
  return { identity, mails, signingKey };
}

/** Limits that no ordinary test meets; one that is about limits sets its own. */
export function testAccountLimits(
  limits: Partial<Record<keyof typeof accountLimits, AttemptLimit>> = {},
): AccountLimits {
  const wide = Object.keys(accountLimits).map((name) => [name, { attempts: 1_000_000, windowSeconds: 60 }] as const);
  return createAccountLimits({ ...accountLimits, ...Object.fromEntries(wide), ...limits });
}
