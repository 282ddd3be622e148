import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, constants } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { unusable } from './transport-errors.ts';

export type VendorAnswer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'> & { body: Readable };

export const maxRefusalBytes = 64 * 1024;

/** We ask for no compression. A vendor that compresses all the same is understood, event by event where it flushes. */
const decoders: Record<string, (() => Transform) | undefined> = {
  gzip: () => createGunzip({ flush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ flush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
};

export function decoded({ statusCode, headers, body }: Dispatcher.ResponseData): VendorAnswer {
  const coding = String(headers['content-encoding'] ?? 'identity').toLowerCase();
  if (coding === 'identity') return { statusCode, headers, body };
  const decoder = decoders[coding];
  if (!decoder) {
    discard(body);
    throw unusable(`The provider answered in an unknown encoding`);
  }
  // Errors and ends of either side reach the other; whoever reads the result sees them.
  return { statusCode, headers, body: pipeline(body, decoder(), () => undefined) };
}

export function eventsOf({ headers, body }: VendorAnswer): Readable {
  if (isType(headers, 'text/event-stream')) return body;
  discard(body);
  throw unusable('The provider did not answer with a stream');
}

/** What the vendor says about a refusal. A message cut off is as good as none. */
export async function textOf({ body }: VendorAnswer): Promise<string> {
  const bytes = await collected(body, maxRefusalBytes).catch(() => null);
  return bytes?.toString('utf8') ?? '';
}

/** Null past the limit, where it hangs up. */
async function collected(body: Readable, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let total = 0;
  await new Promise<void>((resolve, reject) => {
    body.once('end', resolve).once('close', resolve).once('error', reject);
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      total += chunk.length;
      if (total <= maxBytes) return;
      resolve();
      discard(body);
    });
  });
  return total > maxBytes ? null : Buffer.concat(chunks, total);
}

function discard(body: Readable): void {
  body.on('error', () => undefined).destroy();
}

export function isType(headers: VendorAnswer['headers'], type: string): boolean {
  return String(headers['content-type'] ?? '')
    .toLowerCase()
    .startsWith(type);
}
