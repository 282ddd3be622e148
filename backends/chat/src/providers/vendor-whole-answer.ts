import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { brokenOff, unusable } from './transport-errors.ts';
import { isType, maxRefusalBytes } from './vendor-answer.ts';
import type { Head, WholeAnswer } from './whole-answer.ts';

const maxAnswerBytes = 64 * 1024 * 1024;

/** Null: too large to be read. */
type Answer = Head & { body: WholeAnswer['body'] | null };
type Decoder = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

/** We ask for no compression. A vendor that compresses all the same is understood. */
const decoders: Record<string, Decoder | undefined> = {
  gzip: promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** Of what cannot be an answer, nothing is read. */
export function maxBytesOf({ statusCode, headers }: Head): number {
  if (statusCode !== 200) return maxRefusalBytes;
  return isType(headers, 'application/json') ? maxAnswerBytes : 0;
}

/** The bytes of a 200, which must be a JSON object. */
export async function wholeJson(answer: Answer): Promise<Buffer> {
  if (!isType(answer.headers, 'application/json')) throw unusable('The provider did not answer with JSON');
  const bytes = isCoded(answer) ? await decoded(answer) : answer.body;
  if (!bytes) throw unusable('The provider sent an answer too large');
  if (!isObject(bytes)) throw unusable('The provider sent an answer that is not a JSON object');
  return bytes;
}

/** What the vendor says about a refusal. A message that cannot be read is as good as none. */
export async function wholeText(answer: Answer): Promise<string> {
  const bytes = isCoded(answer) ? await decoded(answer).catch(() => null) : answer.body;
  return bytes?.toString('utf8') ?? '';
}

function isCoded({ headers, body }: Answer): boolean {
  return body !== null && codingOf(headers) !== 'identity';
}

function codingOf(headers: Head['headers']): string {
  return String(headers['content-encoding'] ?? 'identity').toLowerCase();
}

/** Null where it is too large. */
async function decoded(answer: Answer): Promise<Buffer | null> {
  const { headers, body } = answer;
  if (body === null) return null;
  const decode = decoders[codingOf(headers)];
  if (!decode) throw unusable(`The provider answered in an unknown encoding`);
  return await decode(body, { maxOutputLength: maxBytesOf(answer) }).catch((cause: unknown) => {
    if (cause instanceof RangeError) return null;
    throw brokenOff(cause);
  });
}

/**
 * The cheap half of a check that is the vendor's own duty: a page of HTML or half an object never gets through. Some
 * vendors send spaces while they think.
 */
function isObject(bytes: Buffer): boolean {
  let start = 0;
  let end = bytes.length - 1;
  while (isSpace(bytes[start])) start += 1;
  while (isSpace(bytes[end])) end -= 1;
  return start < end && bytes[start] === 0x7b && bytes[end] === 0x7d;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
