import { familyOf, hashSecret, newRefreshToken, newSuccessorSalt, successorOf } from './refresh-token.ts';

/** A session as it is stored, tokens as hashes only. */
export type StoredSession = {
  id: string;
  currentHash: string;
  previousHash: string | null;
  previousUntil: Date | null;
  successorSalt: Buffer | null;
  createdAt: Date;
  expiresAt: Date;
  revokedAt: Date | null;
};

export type NewSession = Pick<StoredSession, 'currentHash' | 'expiresAt'> & {
  familyHash: string;
  userAgent: string | null;
  address: string | null;
};

/** What of a session changes when its token is exchanged for the next. */
export type Rotation = Pick<StoredSession, 'currentHash' | 'expiresAt'> & {
  previousHash: string;
  previousUntil: Date;
  successorSalt: Buffer;
  lastUsedAt: Date;
};

export type RefreshDecision =
  | { kind: 'rotate'; refreshToken: string; rotation: Rotation }
  /** The token before, within its grace: a second tab, or an answer that got lost. It gets what the first one got. */
  | { kind: 'repeat'; refreshToken: string }
  /** A spent token: it or its successor is in the wrong hands, and nobody can tell which. */
  | { kind: 'reuse' }
  | { kind: 'refuse' };

const dayMs = 24 * 3_600_000;

export const sessionRules = {
  accessTokenSeconds: 900,
  /** How long a spent refresh token still leads to its successor. */
  graceMs: 10_000,
  /** A session ends when it was not used for this long, and in any case at its greatest age. */
  idleMs: 30 * dayMs,
  maxAgeMs: 180 * dayMs,
} as const;

/** A session that begins now, and the only copy of its first refresh token. */
export function beginSession(
  visitor: { userAgent: string | null; address: string | null },
  now: Date,
): { refreshToken: string; session: NewSession } {
  const refreshToken = newRefreshToken();
  const session = {
    familyHash: familyHashOf(refreshToken) ?? '',
    currentHash: hashSecret(refreshToken),
    expiresAt: new Date(now.getTime() + sessionRules.idleMs),
    userAgent: visitor.userAgent,
    address: visitor.address,
  };
  return { refreshToken, session };
}

/** By what a session is found; null for a text that is no refresh token. */
export function familyHashOf(refreshToken: string): string | null {
  const family = familyOf(refreshToken);
  return family === null ? null : hashSecret(family);
}

/** What becomes of a session when somebody shows a token of its family. The caller holds the lock on its row. */
export function decideRefresh(session: StoredSession, refreshToken: string, now: Date): RefreshDecision {
  if (session.revokedAt || session.expiresAt <= now) return { kind: 'refuse' };
  const hash = hashSecret(refreshToken);
  if (hash === session.currentHash) return rotate(session, refreshToken, now);
  const { previousHash, previousUntil, successorSalt } = session;
  const inGrace = hash === previousHash && previousUntil !== null && previousUntil > now;
  if (!inGrace || !successorSalt) return { kind: 'reuse' };
  return { kind: 'repeat', refreshToken: successorOf(refreshToken, successorSalt) };
}

function rotate(session: StoredSession, spent: string, now: Date): RefreshDecision {
  const successorSalt = newSuccessorSalt();
  const refreshToken = successorOf(spent, successorSalt);
  const rotation = {
    currentHash: hashSecret(refreshToken),
    previousHash: session.currentHash,
    previousUntil: new Date(now.getTime() + sessionRules.graceMs),
    successorSalt,
    lastUsedAt: now,
    expiresAt: new Date(
      Math.min(now.getTime() + sessionRules.idleMs, session.createdAt.getTime() + sessionRules.maxAgeMs),
    ),
  };
  return { kind: 'rotate', refreshToken, rotation };
}
