import type { MiddlewareHandler } from 'hono';
import * as z from 'zod';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Account } from '../accounts/account.ts';
import type { Actor } from '../audit/audit-log.ts';

/** Somebody whom Supabase knows. `confirmedEmail`: an address whose mailbox it has seen answer. */
export type MirroredUser = { id: string; name: string | null; confirmedEmail: string | null };

/** Our rows for Supabase's users, which keys and everything else belong to: docs/decisions/0022. */
export type Mirror = {
  /** Makes the row where there is none. */
  ensure: (userId: string) => Promise<void>;
  /** The same, and takes over what Supabase says now. An address that another row has stays with that row. */
  update: (user: MirroredUser) => Promise<Account>;
  recordStart: (session: { sessionId: string | null; userId: string }, actor: Actor) => Promise<void>;
  /** Announces to the edge that the session is over, once. */
  endSession: (session: { sessionId: string; userId: string }, actor: Actor) => Promise<void>;
  /** Announces to the edge that all tokens of the user up to a second (since 1970) are over, and records why. */
  endSessions: (
    userId: string,
    actor: Actor,
    action: 'user.password_changed' | 'user.password_reset',
  ) => Promise<number>;
  hasEnded: (sessionId: string) => Promise<boolean>;
};

const maxSeen = 50_000;
const UserId = z.uuid();

/** A token of Supabase needs no visit to us, so its user may come to any route before there is a row. */
export function firstSight(mirror: Pick<Mirror, 'ensure'>): MiddlewareHandler<ServiceEnv> {
  const seen = new Set<string>();
  return async (c, next) => {
    const principal = c.get('principal');
    const userId = principal.kind === 'user' && principal.keyId === null ? principal.userId : null;
    if (userId !== null && !seen.has(userId) && UserId.safeParse(userId).success) {
      await mirror.ensure(userId);
      if (seen.size >= maxSeen) seen.clear();
      seen.add(userId);
    }
    await next();
  };
}
