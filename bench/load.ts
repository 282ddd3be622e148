import { Pool } from 'undici';

/** One way to the vendor: directly, or through something in between. */
export type Leg = {
  name: string;
  url: string;
  headers: Record<string, string>;
  model: string;
  path?: string;
  method?: 'GET' | 'POST' | (string & {});
  /** What counts as an answer: a complete completion, unless it says otherwise. */
  expect?: 'completion' | 'anything' | number;
};

export type Shape = { concurrency: number; stream: boolean };
export type LoadOptions = Shape & { requests: number };

/** Times in milliseconds: until the first byte of the body, and until the last. */
export type LoadResult = { firstByte: number[]; total: number[]; bodyBytes: number; seconds: number };

/**
 * Sends a bounded number of requests from a bounded number of connections. Anything but the complete answer that is
 * expected stops the bench: a fast wrong answer is not a measurement.
 */
export async function load(leg: Leg, { requests, concurrency, stream }: LoadOptions): Promise<LoadResult> {
  let started = 0;
  return await drive(leg, { concurrency, stream }, () => started++ < requests);
}

/** The same for a time instead of a number. */
export async function loadFor(
  leg: Leg,
  { seconds, ...shape }: Shape & { seconds: number },
): Promise<{ requests: number; seconds: number }> {
  const until = performance.now() + seconds * 1_000;
  const result = await drive(leg, shape, () => performance.now() < until);
  return { requests: result.total.length, seconds: result.seconds };
}

async function drive(leg: Leg, { concurrency, stream }: Shape, more: () => boolean): Promise<LoadResult> {
  const pool = new Pool(new URL(leg.url).origin, { connections: concurrency, pipelining: 1 });
  const result: LoadResult = { firstByte: [], total: [], bodyBytes: 0, seconds: 0 };
  const body = JSON.stringify({ model: leg.model, stream, messages: [{ role: 'user', content: 'Say hello.' }] });
  const worker = async (): Promise<void> => {
    while (more()) await one(pool, leg, body, result);
  };
  const startedAt = performance.now();
  try {
    await Promise.all(Array.from({ length: concurrency }, worker));
  } finally {
    await pool.close();
  }
  return { ...result, seconds: (performance.now() - startedAt) / 1_000 };
}

async function one(pool: Pool, leg: Leg, requestBody: string, result: LoadResult): Promise<void> {
  const startedAt = performance.now();
  const { path = '/v1/chat/completions', method = 'POST' } = leg;
  const { statusCode, body } = await pool.request({
    method,
    path,
    headers: { ...(method === 'GET' ? {} : { 'content-type': 'application/json' }), ...leg.headers },
    body: method === 'GET' ? null : requestBody,
  });
  let firstByteAt: number | undefined;
  let text = '';
  for await (const part of body.setEncoding('utf8')) {
    firstByteAt ??= performance.now();
    text += String(part);
  }
  if (!isExpected(leg, statusCode, text)) {
    throw new Error(`${leg.name} answered ${statusCode}: ${text.slice(0, 300)}`);
  }
  result.firstByte.push((firstByteAt ?? performance.now()) - startedAt);
  result.total.push(performance.now() - startedAt);
  result.bodyBytes = text.length;
}

function isExpected({ expect = 'completion' }: Leg, status: number, text: string): boolean {
  if (expect === 'anything') return true;
  if (expect === 'completion') return status === 200 && /\[DONE\]\n\n$|"usage":/.test(text);
  return status === expect;
}
