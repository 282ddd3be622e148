import * as z from 'zod/mini';

/** What a credential may do. `admin` includes all the others; a child key never exceeds its creator. */
export const scopes = [
  'chat:write',
  'chat:read',
  'assets:write',
  'assets:read',
  'keys:write',
  'usage:read',
  'admin',
] as const;
export type Scope = (typeof scopes)[number];

/** Who may call a route: any holder of a scope, any authenticated user, everybody, or only the gateway itself. */
export type Access = Scope | 'authenticated' | 'public' | 'internal';

export const LimitsSchema = z.object({
  rpm: z.optional(z.int()),
  tpm: z.optional(z.int()),
  concurrency: z.optional(z.int()),
});

export const UserPrincipalSchema = z.object({
  kind: z.literal('user'),
  userId: z.string(),
  /** Null where a session, not a key, identified the user. */
  keyId: z.nullable(z.string()),
  /** The session that identified the user. A gateway of the version before does not say it. */
  sessionId: z.optional(z.nullable(z.string())),
  scopes: z.array(z.enum(scopes)),
  limits: LimitsSchema,
  /** Names of models, or beginnings of them with a `*`. Null or absent: all of them. */
  allowedModels: z.optional(z.nullable(z.array(z.string()))),
});

/** Who a request acts for: a user (by key or session), nobody, or the gateway on its own behalf. */
export const PrincipalSchema = z.discriminatedUnion('kind', [
  UserPrincipalSchema,
  z.object({ kind: z.literal('anonymous') }),
  z.object({ kind: z.literal('gateway') }),
]);

export type UserPrincipal = z.infer<typeof UserPrincipalSchema>;
export type Principal = z.infer<typeof PrincipalSchema>;

/** Decides access in one place, for every route. Anything not granted here is refused. */
export function isAllowed(principal: Principal, access: Access): boolean {
  if (access === 'internal') return principal.kind === 'gateway';
  if (access === 'public') return true;
  if (principal.kind !== 'user') return false;
  return access === 'authenticated' || principal.scopes.includes(access) || principal.scopes.includes('admin');
}
