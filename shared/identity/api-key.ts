import { randomBase62 } from '../id.ts';

export type KeyEnvironment = 'live' | 'test' | 'dev';

/** A key as it is made: the text is shown once, the rest is stored. */
export type NewApiKey = { key: string; hash: string; prefix: string; lastFour: string };

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const keyShape = /^gaia_(?:live|test|dev)_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$/;
const ownShape = /^gaia_(?:live|test|dev)_/;
const presentableShape = /^[\x21-\x7e]{16,256}$/;

/** Makes a key `gaia_<env>_<id 12>_<secret 32><checksum 6>`. */
export async function createApiKey(environment: KeyEnvironment): Promise<NewApiKey> {
  const prefix = `gaia_${environment}_${randomBase62(12)}`;
  const body = `${prefix}_${randomBase62(32)}`;
  const key = body + checksum(body);
  return { key, hash: await hashApiKey(key), prefix, lastFour: key.slice(-4) };
}

/**
 * Whether looking this key up can make sense. A key of our own shape must carry its checksum, so a mistyped one
 * costs no I/O; keys of any other shape were imported from older systems and are looked up by their hash.
 */
export function isPlausibleApiKey(key: string): boolean {
  if (!ownShape.test(key)) return presentableShape.test(key);
  return (keyShape.test(key) && checksum(key.slice(0, -6)) === key.slice(-6)) || isLegacyOwnShape(key);
}

/** SHA-256 in hex: the only form in which a key is stored or looked up. */
export async function hashApiKey(key: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(key)));
  let hex = '';
  for (const byte of digest) hex += hexByte[byte];
  return hex;
}

/** Older systems made `gaia_<env>_<32 characters>`, which has no second underscore part and no checksum. */
function isLegacyOwnShape(key: string): boolean {
  return /^gaia_(?:live|test|dev)_[0-9A-Za-z]{32}$/.test(key);
}

function checksum(body: string): string {
  let crc = 0xffffffff;
  for (let i = 0; i < body.length; i++) crc = (crc >>> 8) ^ (crcTable[(crc ^ body.charCodeAt(i)) & 0xff] ?? 0);
  let rest = (crc ^ 0xffffffff) >>> 0;
  let text = '';
  for (let i = 0; i < 6; i++) {
    text = alphabet.charAt(rest % 62) + text;
    rest = Math.floor(rest / 62);
  }
  return text;
}

const encoder = new TextEncoder();
const hexByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
