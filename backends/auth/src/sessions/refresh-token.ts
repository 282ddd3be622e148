import { createHash, createHmac, randomBytes } from 'node:crypto';
import { randomBase62 } from '#shared/id.ts';

/**
 * `gaia_refresh_<family>_<turn>`: the family part is the same in all tokens of a session, the turn part is new with
 * each. Whoever shows the family part once held a token of it, so a token that is spent can be told from a guess
 * without remembering every one that was ever given out.
 */
const shape = /^gaia_refresh_([0-9A-Za-z]{32})_([0-9a-f]{64})$/;

export function newRefreshToken(): string {
  return tokenOf(randomBase62(32), randomBytes(32).toString('hex'));
}

/** The part by which a session is found, or null for a text that is no refresh token. */
export function familyOf(token: string): string | null {
  return shape.exec(token)?.[1] ?? null;
}

/**
 * The token that follows. Made from the token that is spent and a salt that is ours, so that the same token leads to
 * the same successor during its grace, although we store nothing but hashes.
 */
export function successorOf(token: string, salt: Buffer): string {
  return tokenOf(familyOf(token) ?? '', createHmac('sha256', salt).update(token).digest('hex'));
}

export function newSuccessorSalt(): Buffer {
  return randomBytes(32);
}

/** SHA-256 in hex: enough for what has 190 random bits or more. */
export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function tokenOf(family: string, turn: string): string {
  return `gaia_refresh_${family}_${turn}`;
}
