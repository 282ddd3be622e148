import type { ChangeKeyBody, CreateKeyBody } from '#shared/contracts/auth-keys.ts';
import { AppError } from '#shared/http/error.ts';
import { createApiKey, type KeyEnvironment } from '#shared/identity/api-key.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { ceilingOf, isUsable } from './ceiling.ts';
import { changedGrant, describeKey, grantFrom } from './describe-key.ts';
import { requireWithin } from './key-grant.ts';
import type { KeyActor, KeyTransaction, KeyVault, ManagedKey } from './key-vault.ts';

export type KeyManagement = { vault: KeyVault; environment: KeyEnvironment; now: () => Date };

/** Who asks: by what credential, and how that is recorded. */
export type KeyCaller = { principal: UserPrincipal; actor: KeyActor };

/** A key with its secret, to be shown once. */
export type ShownKey = { key: ManagedKey; secret: string };

const maxKeysPerUser = 100;

/** How long after a rotation another one is taken for the same click, or the same retry. */
const rotationRestMs = 10_000;

export async function createKey(
  { vault, environment, now }: KeyManagement,
  { principal, actor }: KeyCaller,
  request: CreateKeyBody,
): Promise<ShownKey> {
  return await vault.changing(actor, async (tx) => {
    const ceiling = await ceilingOf(tx, principal, now());
    const grant = grantFrom(request, ceiling);
    requireWithin(grant, ceiling);
    requireFuture(grant.expiresAt, now());
    if ((await tx.count()) >= maxKeysPerUser) {
      throw new AppError('conflict', `You have ${maxKeysPerUser} keys, and may not have more: revoke one first`);
    }
    const secret = await createApiKey(environment);
    const { name } = request;
    const key = await tx.insert({ ...grant, name, environment, secret, createdByKeyId: principal.keyId });
    await tx.record('key.created', key, { after: describeKey(key) });
    return { key, secret: secret.key };
  });
}

export async function changeKey(
  { vault, now }: KeyManagement,
  { principal, actor }: KeyCaller,
  id: string,
  request: ChangeKeyBody,
): Promise<ManagedKey> {
  return await vault.changing(actor, async (tx) => {
    const ceiling = await ceilingOf(tx, principal, now());
    const before = await found(tx, id);
    const change = changedGrant(request, before);
    requireWithin({ ...before, ...change }, ceiling);
    if (change.expiresAt) requireFuture(change.expiresAt, now());
    const key = await tx.change(id, change);
    await tx.record('key.changed', key, { before: describeKey(before), after: describeKey(key) });
    return key;
  });
}

/** The id stays, and with it limits and counters: both secrets of a grace share them. */
export async function rotateKey(
  { vault, environment, now }: KeyManagement,
  { principal, actor }: KeyCaller,
  id: string,
  graceSeconds: number,
): Promise<ShownKey> {
  return await vault.changing(actor, async (tx) => {
    const at = now();
    const ceiling = await ceilingOf(tx, principal, at);
    const before = await found(tx, id);
    // Whoever rotates a key gets its secret, and with it all that it may do.
    requireWithin(before, ceiling);
    requireRotatable(before, { at, graceSeconds });
    const secret = await createApiKey(environment);
    const graceEndsAt = graceSeconds === 0 ? null : new Date(at.getTime() + graceSeconds * 1_000);
    const key = await tx.rotate(id, { secret, environment, at, graceEndsAt });
    await tx.record('key.rotated', key, { before: describeKey(before), after: describeKey(key) });
    return { key, secret: secret.key };
  });
}

/** Says the same for a key that was revoked before. Any key of one's own may be revoked, a stronger one too. */
export async function revokeKey(
  { vault, now }: KeyManagement,
  { principal, actor }: KeyCaller,
  id: string,
): Promise<void> {
  await vault.changing(actor, async (tx) => {
    await ceilingOf(tx, principal, now());
    if (await tx.wasRevoked(id)) return;
    const before = await found(tx, id);
    await tx.revoke(id, now());
    await tx.record('key.revoked', before, { before: describeKey(before) });
  });
}

/** The same words for a key that is missing and for somebody else's. */
export function keyNotFound(): AppError {
  return new AppError('not_found', 'You have no such key');
}

async function found(tx: KeyTransaction, id: string): Promise<ManagedKey> {
  const key = await tx.find(id);
  if (!key) throw keyNotFound();
  return key;
}

function requireRotatable(key: ManagedKey, { at, graceSeconds }: { at: Date; graceSeconds: number }): void {
  if (!isUsable(key, at)) throw new AppError('conflict', 'This key does not work any more: make a new one');
  const restMs = (key.rotatedAt?.getTime() ?? 0) + rotationRestMs - at.getTime();
  if (restMs > 0) throw alreadyRotating('This key was rotated just now', restMs);
  // Only one earlier secret can live on. Without a grace, both are replaced at once.
  const graceMs = (key.previousExpiresAt?.getTime() ?? 0) - at.getTime();
  if (graceSeconds > 0 && graceMs > 0) throw alreadyRotating('The secret before still works for a while', graceMs);
}

function alreadyRotating(detail: string, waitMs: number): AppError {
  return new AppError('conflict', detail, { retryAfterSeconds: Math.ceil(waitMs / 1_000) });
}

function requireFuture(expiresAt: Date | null, now: Date): void {
  if (expiresAt === null || expiresAt > now) return;
  const message = 'must be in the future';
  throw new AppError('validation_failed', `expires_at: ${message}`, { errors: [{ path: 'expires_at', message }] });
}
