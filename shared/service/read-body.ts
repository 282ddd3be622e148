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
  try {
    return new Uint8Array(await c.req.arrayBuffer());
  } catch (cause) {
    throw truncated(cause);
  }
}

async function readChunks(c: Context<ServiceEnv>, maxBytes: number): Promise<Uint8Array> {
  const body: ReadableStream<Uint8Array> | null = c.req.raw.body;
  if (!body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for await (const chunk of body) {
      total += chunk.length;
      if (total > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof AppError ? cause : truncated(cause);
  }
  return Buffer.concat(chunks, total);
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('payload_too_large', `The body may have at most ${maxBytes} bytes`);
}

function truncated(cause: unknown): AppError {
  return new AppError('invalid_request', 'The body ended before its declared length', { cause });
}
