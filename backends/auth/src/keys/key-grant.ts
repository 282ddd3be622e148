import type { KeyLimits } from '#shared/contracts/auth-keys.ts';
import { AppError } from '#shared/http/error.ts';
import { scopes, type Scope } from '#shared/identity/principal.ts';
import { isRangeWithin } from './ip-range.ts';

/** What a credential may do, how much of it, until when and from where. Null: no restriction. */
export type KeyGrant = {
  scopes: readonly Scope[];
  limits: KeyLimits;
  expiresAt: Date | null;
  allowedModels: readonly string[] | null;
  allowedOrigins: readonly string[] | null;
  allowedIps: readonly string[] | null;
};

/** Refuses a grant that exceeds what the one who gives it has, naming the first thing that does. */
export function requireWithin(grant: KeyGrant, ceiling: KeyGrant): void {
  const excess = excesses(grant, ceiling).find((found) => found !== null);
  if (excess === undefined) return;
  throw new AppError('insufficient_scope', `${excess}: your own credential may do less than this`);
}

/** The scopes that these amount to: `admin` includes all the others. */
export function heldScopes(held: readonly Scope[]): readonly Scope[] {
  return held.includes('admin') ? scopes : held;
}

function excesses(grant: KeyGrant, ceiling: KeyGrant): (string | null)[] {
  const { limits } = grant;
  return [
    scopeExcess(grant.scopes, ceiling.scopes),
    isOver(limits.rpm, ceiling.limits.rpm) ? 'limits.rpm' : null,
    isOver(limits.tpm, ceiling.limits.tpm) ? 'limits.tpm' : null,
    isOver(limits.concurrency, ceiling.limits.concurrency) ? 'limits.concurrency' : null,
    isBudgetWithin(limits.budget, ceiling.limits.budget) ? null : 'limits.budget',
    isOver(grant.expiresAt?.getTime(), ceiling.expiresAt?.getTime()) ? 'expires_at' : null,
    isSubset(grant.allowedModels, ceiling.allowedModels, isModelWithin) ? null : 'allowed_models',
    isSubset(grant.allowedOrigins, ceiling.allowedOrigins, (one, other) => one === other) ? null : 'allowed_origins',
    isSubset(grant.allowedIps, ceiling.allowedIps, isRangeWithin) ? null : 'allowed_ips',
  ];
}

function scopeExcess(asked: readonly Scope[], held: readonly Scope[]): string | null {
  const all = heldScopes(held);
  return asked.find((scope) => !all.includes(scope)) ?? null;
}

/** No value means without end. */
function isOver(value: number | undefined, cap: number | undefined): boolean {
  return cap !== undefined && (value === undefined || value > cap);
}

/** The same sum for a longer time is the stricter budget. */
const windows = ['day', 'month', 'total'] as const;

function isBudgetWithin(budget: KeyLimits['budget'], cap: KeyLimits['budget']): boolean {
  if (!cap) return true;
  if (!budget) return false;
  return budget.usd <= cap.usd && windows.indexOf(budget.window) >= windows.indexOf(cap.window);
}

type Entries = readonly string[] | null;

function isSubset(entries: Entries, of: Entries, isWithin: (one: string, other: string) => boolean): boolean {
  if (of === null) return true;
  return entries !== null && entries.every((entry) => of.some((other) => isWithin(entry, other)));
}

function isModelWithin(pattern: string, other: string): boolean {
  return other.endsWith('*') ? pattern.startsWith(other.slice(0, -1)) : pattern === other;
}
