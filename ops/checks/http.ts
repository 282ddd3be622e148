import type * as z from 'zod';
import { parsedJson } from '#shared/json.ts';
import type { CheckTarget } from './check.ts';

const timeoutMs = 15_000;

export type Sent = { method?: string; body?: unknown; headers?: Record<string, string>; anonymous?: boolean };

/** A request to the target, with its key unless it is to be anonymous. */
export async function send({ url, apiKey }: CheckTarget, path: string, sent: Sent = {}): Promise<Response> {
  const headers = new Headers(sent.headers);
  if (!sent.anonymous) headers.set('x-api-key', apiKey);
  if (sent.body !== undefined) headers.set('content-type', 'application/json');
  return await fetch(new URL(path, url), {
    method: sent.method ?? (sent.body === undefined ? 'GET' : 'POST'),
    headers,
    signal: AbortSignal.timeout(timeoutMs),
    ...(sent.body !== undefined && { body: JSON.stringify(sent.body) }),
  });
}

/** Like `send`, but insists on a status, and on a body of the given shape. */
export async function expectJson<T>(
  target: CheckTarget,
  path: string,
  { status = 200, schema, ...sent }: Sent & { status?: number; schema: z.ZodType<T> },
): Promise<T> {
  const answer = await send(target, path, sent);
  const text = await answer.text();
  const where = `${sent.method ?? (sent.body === undefined ? 'GET' : 'POST')} ${path}`;
  if (answer.status !== status) {
    throw new Error(
      `${where}: ${answer.status} instead of ${status} (request ${answer.headers.get('x-request-id')}): ${text.slice(0, 300)}`,
    );
  }
  const parsed = schema.safeParse(parsedJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${where}: ${issue?.path.map(String).join('.')}: ${issue?.message}`);
}
