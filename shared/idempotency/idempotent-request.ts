import { createHash } from 'node:crypto';
import { AppError } from '../http/error.ts';

/** A request that names itself, so that a second sending can be told from a second wish. */
export type IdempotentRequest = {
  userId: string;
  /** The value of the header `Idempotency-Key`. */
  key: string;
  method: string;
  /** With its query. */
  path: string;
  body: Uint8Array;
  /** Ends the waiting of a duplicate when its client leaves. */
  signal: AbortSignal;
};

/** Where the fate of a request is kept. Keys of different users never meet. */
export type Slot = { id: string; userId: string };

const header = 'Idempotency-Key';
const validKey = /^[\x20-\x7e]{1,255}$/;

export function slotOf({ userId, key }: IdempotentRequest): Slot {
  if (!validKey.test(key)) throw invalidKey('must be 1 to 255 printable ASCII characters');
  return { userId, id: createHash('sha256').update(`${userId}\n${key}`).digest('hex') };
}

/** Of all that makes two requests the same. */
export function requestHashOf({ method, path, body }: Pick<IdempotentRequest, 'method' | 'path' | 'body'>): string {
  return createHash('sha256').update(`${method} ${path}\n`).update(body).digest('hex');
}

export function invalidKey(message: string): AppError {
  return new AppError('validation_failed', `${header}: ${message}`, { errors: [{ path: header, message }] });
}
