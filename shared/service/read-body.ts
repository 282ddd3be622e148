import type { Readable } from 'node:stream';
import type { Context } from 'hono';
import { AppError } from '../http/error.ts';
import type { ServiceEnv } from './service-env.ts';

const jsonType = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** Refuses a body that does not say it is plain JSON in UTF-8. */
export function requireJson(c: Context<ServiceEnv>): void {
  const type = c.req.header('content-type');
  if (!type || !jsonType.test(type)) {
    throw new AppError('unsupported_media_type', 'The Content-Type must be application/json');
  }
  const encoding = c.req.header('content-encoding');
  if (encoding && encoding.toLowerCase() !== 'identity') {
    throw new AppError('unsupported_media_type', 'A compressed body is not accepted');
  }
}

/** Reads at most `maxBytes`, whether the length was declared or not. One byte more is `payload_too_large`. */
export async function readBody(c: Context<ServiceEnv>, maxBytes: number): Promise<Uint8Array> {
  const declared = c.req.header('content-length');
  if (declared === undefined) return await readChunks(c, maxBytes);
  if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
  const { incoming } = c.env ?? {};
  try {
    if (!incoming) return new Uint8Array(await c.req.arrayBuffer());
    return incoming.complete ? bodyThere(incoming) : await bodyToCome(incoming);
  } catch (cause) {
    throw truncated(cause);
  }
}

/**
 * Nearly every body has come when its request begins. Straight from Node, which has counted it: as the body of a web
 * request it would be copied once more.
 */
function bodyThere(incoming: Readable): Uint8Array {
  const bytes: unknown = incoming.read();
  return Buffer.isBuffer(bytes) ? bytes : new Uint8Array();
}

async function bodyToCome(incoming: Readable): Promise<Uint8Array> {
  if (incoming.destroyed) throw new Error('The client left');
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => void chunks.push(chunk));
    incoming.once('end', () => resolve(joined(chunks)));
    incoming.once('error', reject);
    incoming.once('close', () => reject(new Error('The client left')));
  });
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return only && chunks.length === 1 ? only : Buffer.concat(chunks);
}

async function readChunks(c: Context<ServiceEnv>, maxBytes: number): Promise<Uint8Array> {
  const body: ReadableStream<Uint8Array> | null = c.req.raw.body;
  if (!body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let total = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw truncated(cause);
    });
    if (done) return Buffer.concat(chunks, total);
    total += value.length;
    chunks.push(value);
    if (total <= maxBytes) continue;
    void discard(reader);
    throw tooLarge(maxBytes);
  }
}

/**
 * Nobody else would end the rest of a body that nobody reads, and @hono/node-server closes the connection half a second
 * later, whatever request is on it by then. The same server closes it when the rest is long in coming or too much.
 */
async function discard(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const isOver = async (): Promise<boolean> => (await reader.read()).done;
  while (!(await isOver().catch(() => true)));
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('payload_too_large', `The body may have at most ${maxBytes} bytes`);
}

function truncated(cause: unknown): AppError {
  return new AppError('invalid_request', 'The body ended before its declared length', { cause });
}
