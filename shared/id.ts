const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A random id with a readable prefix: `newId('req')` -> `req_4fHk…` (20 base62 characters, 119 bits). */
export function newId(prefix: string): string {
  return `${prefix}_${randomBase62(20)}`;
}

/** Uniform base62 text from the platform's cryptographic source. Bytes that would bias the result are thrown away. */
export function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    const byte = nextRandomByte();
    if (byte < 248) text += alphabet.charAt(byte % 62);
  }
  return text;
}

/** Two hexadecimal digits for each byte, from the same source. */
export function randomHex(byteCount: number): string {
  let text = '';
  for (let made = 0; made < byteCount; made += 1) text += hexByte[nextRandomByte()];
  return text;
}

const hexByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

const pool = new Uint8Array(1024);
let used = pool.length;

/** Asking the platform costs the same for one byte as for a thousand. A byte is never handed out twice. */
function nextRandomByte(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  const byte = pool[used] ?? 0;
  pool[used] = 0;
  used += 1;
  return byte;
}
