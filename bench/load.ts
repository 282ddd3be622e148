import { Pool } from 'undici';

/** One way to the vendor: directly, or through a part of Gaia. */
export type Leg = { name: string; url: string; headers: Record<string, string>; model: string };

export type LoadOptions = { requests: number; concurrency: number; stream: boolean };

/** Times in milliseconds: until the first byte of the body, and until the last. */
export type LoadResult = { firstByte: number[]; total: number[]; bodyBytes: number };

/**
 * Sends a bounded number of requests from a bounded number of connections. Anything but a complete 200 stops the
 * bench: a fast wrong answer is not a measurement.
 */
export async function load(leg: Leg, { requests, concurrency, stream }: LoadOptions): Promise<LoadResult> {
  const pool = new Pool(new URL(leg.url).origin, { connections: concurrency, pipelining: 1 });
  const result: LoadResult = { firstByte: [], total: [], bodyBytes: 0 };
  const body = JSON.stringify({ model: leg.model, stream, messages: [{ role: 'user', content: 'Say hello.' }] });
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started < requests) {
      started += 1;
      await one(pool, leg, body, result);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, worker));
  } finally {
    await pool.close();
  }
  return result;
}

async function one(pool: Pool, leg: Leg, requestBody: string, result: LoadResult): Promise<void> {
  const startedAt = performance.now();
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'content-type': 'application/json', ...leg.headers },
    body: requestBody,
  });
  let firstByteAt: number | undefined;
  let text = '';
  for await (const part of body.setEncoding('utf8')) {
    firstByteAt ??= performance.now();
    text += String(part);
  }
  if (statusCode !== 200 || !/\[DONE\]\n\n$|"usage":/.test(text)) {
    throw new Error(`${leg.name} answered ${statusCode}: ${text.slice(0, 300)}`);
  }
  result.firstByte.push((firstByteAt ?? performance.now()) - startedAt);
  result.total.push(performance.now() - startedAt);
  result.bodyBytes = text.length;
}
