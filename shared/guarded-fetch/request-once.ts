import { isIPv6, type LookupFunction } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { Refusal, type Target } from './target.ts';

export type FetchLimits = {
  /** Of TCP and TLS together. */
  connectMs: number;
  firstByteMs: number;
  /** Of everything: look-ups, redirects and the body. */
  totalMs: number;
};

export type Answer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>;

export type RequestOptions = { addresses: readonly string[]; limits: FetchLimits; accept: string; signal: AbortSignal };

const maxHeaderBytes = 16_384;
const userAgent = 'Gaia/1 (fetches what a user named)';

/**
 * One GET over a connection of its own, to one of the given addresses and no other; Host and the name in TLS stay the
 * URL's. `read` gets the answer while the connection is open; afterwards it is gone.
 */
export async function requestOnce<T>(
  { url }: Target,
  { addresses, limits, accept, signal }: RequestOptions,
  read: (answer: Answer) => Promise<T>,
): Promise<T> {
  const client = new Client(url.origin, {
    connect: { timeout: limits.connectMs, lookup: only(addresses), autoSelectFamily: true },
    headersTimeout: limits.firstByteMs,
    bodyTimeout: limits.firstByteMs,
    maxHeaderSize: maxHeaderBytes,
    allowH2: false,
  });
  try {
    const answer = await client.request({
      method: 'GET',
      path: `${url.pathname}${url.search}`,
      headers: { accept, 'accept-encoding': 'identity', 'user-agent': userAgent },
      signal,
    });
    answer.body.on('error', () => undefined);
    return await read(answer);
  } finally {
    await client.destroy();
  }
}

/** Reads a body, and stops one byte after what is allowed, whatever length it declared. */
export async function readWhole({ headers, body }: Answer, maxBytes: number): Promise<Buffer> {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw new TooLarge();
  const encoding = headers['content-encoding'] ?? 'identity';
  // We asked for none. Never inflating anything is what makes a bomb of a few bytes harmless.
  if (encoding !== 'identity') throw new Refusal('the answer is compressed');
  const chunks: Buffer[] = [];
  let total = 0;
  const stream: AsyncIterable<Buffer> = body;
  for await (const chunk of stream) {
    total += chunk.length;
    if (total > maxBytes) throw new TooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
}

export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/** Answers every look-up from what was checked: a second question to DNS could be answered differently. */
function only(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_hostname, options, done) => {
    const [first] = found;
    if (!first) return done(new Refusal('no address'), []);
    return options.all ? done(null, found) : done(null, first.address, first.family);
  };
}
