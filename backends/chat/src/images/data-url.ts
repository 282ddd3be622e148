import { imageTypeOf, type ImageType } from '#shared/guarded-fetch/image-type.ts';
import { AppError } from '#shared/http/error.ts';

export type InlineImage = { mediaType: ImageType; base64: string };

const base64Alphabet = /^[A-Za-z0-9+/]+={0,2}$/;
const prefix = /^data:[^;,]{0,128};base64,/;

/**
 * Reads an image that came inside the request. Its type is what its bytes say: a wrong label is corrected, and what is
 * no image is refused, as is any base64 that two decoders could read differently.
 */
export function imageOfDataUrl(url: string, field: string, maxBytes: number): InlineImage {
  const head = prefix.exec(url)?.[0];
  if (head === undefined) throw invalidImage(field, 'only base64 images can stand in a data: URL');
  const base64 = url.slice(head.length);
  if (byteLength(base64) > maxBytes) throw invalidImage(field, `an image may have at most ${maxBytes} bytes`);
  if (!isStrictBase64(base64)) throw invalidImage(field, 'not base64 without spaces, in full groups of four');
  const mediaType = imageTypeOf(Buffer.from(base64.slice(0, 64), 'base64'));
  if (!mediaType) throw notAnImage(field);
  return { mediaType, base64 };
}

export function inlineImage(bytes: Buffer, field: string): InlineImage {
  const mediaType = imageTypeOf(bytes);
  if (!mediaType) throw notAnImage(field);
  return { mediaType, base64: bytes.toString('base64') };
}

export function invalidImage(field: string, message: string): AppError {
  return new AppError('validation_failed', `${field}: ${message}`, { errors: [{ path: field, message }] });
}

function notAnImage(field: string): AppError {
  return invalidImage(field, 'not a PNG, JPEG, GIF or WebP image');
}

function byteLength(base64: string): number {
  return Math.floor((base64.length * 3) / 4);
}

/** The last group may not carry bits that no byte takes, or one image would have several spellings. */
function isStrictBase64(base64: string): boolean {
  if (base64.length % 4 !== 0 || !base64Alphabet.test(base64)) return false;
  const last = base64.slice(-4);
  return Buffer.from(last, 'base64').toString('base64') === last;
}
