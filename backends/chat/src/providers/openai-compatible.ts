import type { Readable } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import type { ChatProvider, ProviderCall } from '../completion/chat-provider.ts';
import { unknownCard } from '../completion/model-card.ts';
import { refusal, transportError, unusable } from './openai-compatible-errors.ts';

export type OpenAiCompatibleOptions = {
  id: string;
  name: string;
  /** With its version, such as `https://api.openai.com/v1`. */
  baseUrl: string;
  apiKey: string;
  models: readonly string[];
  timeouts: { connectMs: number; idleMs: number; totalMs: number };
};

const maxConnections = 1_024;
const maxAnswerBytes = 64 * 1024 * 1024;
const maxRefusalBytes = 64 * 1024;

/** Any vendor that speaks OpenAI's chat completions. Requests and answers pass through as bytes, in both directions. */
export function createOpenAiCompatibleProvider(options: OpenAiCompatibleOptions): ChatProvider {
  const { id, name, models, timeouts } = options;
  const cards = new Map(models.map((model) => [model, unknownCard(model)]));
  const pool = new Pool(new URL(options.baseUrl).origin, {
    connections: maxConnections,
    connect: { timeout: timeouts.connectMs },
    headersTimeout: timeouts.totalMs,
    bodyTimeout: timeouts.idleMs,
    keepAliveTimeout: 30_000,
    allowH2: false,
  });
  const post = createPost(pool, options);
  return {
    id,
    name,
    aliases: [],
    answersBareIds: true,
    speaks: ['chat-completions'],
    fetchesImages: true,
    models: [...cards.values()],
    find: (model) => cards.get(model),
    complete: async (call) => {
      const answer = await post(call, 'application/json');
      return await wholeAnswer(answer, call.signal);
    },
    stream: async (call) => {
      const answer = await post(call, 'text/event-stream');
      return eventsOf(answer);
    },
    close: async () => await pool.destroy(),
  };
}

type Answer = Dispatcher.ResponseData;
type Post = (call: ProviderCall, accept: string) => Promise<Answer>;

function createPost(pool: Pool, { baseUrl, apiKey }: OpenAiCompatibleOptions): Post {
  const path = `${new URL(baseUrl).pathname.replace(/\/$/, '')}/chat/completions`;
  const authorization = `Bearer ${apiKey}`;
  return async ({ body, requestId, signal }, accept) => {
    const headers = { authorization, accept, 'content-type': 'application/json', 'x-client-request-id': requestId };
    const answer = await pool.request({ path, method: 'POST', headers, body, signal }).catch((cause: unknown) => {
      throw transportError(cause);
    });
    if (answer.statusCode !== 200) throw refusal(answer.statusCode, answer.headers, await startOf(answer, apiKey));
    return answer;
  };
}

function eventsOf({ headers, body }: Answer): Readable {
  if (isType(headers, 'text/event-stream')) return body;
  discard(body);
  throw unusable('The provider did not answer with a stream');
}

async function wholeAnswer({ headers, body }: Answer, signal: AbortSignal): Promise<Uint8Array> {
  if (!isType(headers, 'application/json')) {
    discard(body);
    throw unusable('The provider did not answer with JSON');
  }
  const bytes = await collected(body, maxAnswerBytes).catch((cause: unknown) => {
    throw signal.aborted ? cause : unusable('The provider broke off its answer', cause);
  });
  if (bytes.length > maxAnswerBytes) throw unusable('The provider sent an answer too large');
  if (!isObject(bytes)) throw unusable('The provider sent an answer that is not a JSON object');
  return bytes;
}

/** What the vendor says about a refusal, without the key it may quote. A message cut off is as good as none. */
async function startOf({ body }: Answer, apiKey: string): Promise<string> {
  const bytes = await collected(body, maxRefusalBytes).catch(() => Buffer.alloc(0));
  return bytes.toString('utf8').replaceAll(apiKey, '…');
}

/** Stops reading past the limit; the result is then longer than it. */
async function collected(body: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  await new Promise<void>((resolve, reject) => {
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      total += chunk.length;
      if (total > maxBytes) body.destroy();
    });
    body.once('end', resolve).once('close', resolve).once('error', reject);
  });
  return Buffer.concat(chunks, total);
}

function discard(body: Readable): void {
  body.on('error', () => undefined).destroy();
}

/** The cheap half of a check that is the vendor's own duty: a page of HTML or half an object never gets through. */
function isObject(bytes: Buffer): boolean {
  return /^\s*\{/.test(bytes.toString('latin1', 0, 64)) && /\}\s*$/.test(bytes.toString('latin1', bytes.length - 64));
}

function isType(headers: Answer['headers'], type: string): boolean {
  return String(headers['content-type'] ?? '').startsWith(type);
}
