import type { Readable } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import type { AppError } from '#shared/http/error.ts';
import type { Refused, VendorHeaders } from './refused.ts';
import { abortReason, brokenOff, createVendorConnector, transportError } from './transport-errors.ts';
import { decoded, eventsOf, textOf } from './vendor-answer.ts';
import { wholeText, wholeJson, maxBytesOf } from './vendor-whole-answer.ts';
import { BrokenOff, wholeAnswer, type Head } from './whole-answer.ts';

export type VendorTimeouts = { connectMs: number; idleMs: number; totalMs: number };

export type VendorConnectionOptions = {
  /** With what all paths of this vendor begin with, such as `https://api.openai.com/v1`. */
  baseUrl: string;
  /** Ours: sent with every request, and never overridden by a caller's. */
  headers: Readonly<Record<string, string>>;
  /** Sent unless the caller has its own. */
  defaultHeaders?: Readonly<Record<string, string>>;
  /** What must never be seen in anything the vendor says. */
  secret: string | null;
  timeouts: VendorTimeouts;
  /** Translates an answer that is not 200. */
  refusal: (refused: Refused) => AppError;
};

export type VendorPost = {
  path: string;
  body: Uint8Array;
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
};

/** HTTP with one vendor: connections are kept and shared, bytes pass untouched, every failure is an AppError. */
export type VendorConnection = {
  json: (post: VendorPost) => Promise<Buffer>;
  events: (post: VendorPost) => Promise<Readable>;
  /** Whether a GET of this path is answered with JSON. */
  probe: (path: string, signal: AbortSignal) => Promise<void>;
  close: () => Promise<void>;
};

type Ask = Omit<VendorPost, 'body'> & { method: 'GET' | 'POST'; body: Uint8Array | null };

const maxConnections = 1_024;
const always = { 'accept-encoding': 'identity', 'user-agent': 'gaia' };

export function createVendorConnection(options: VendorConnectionOptions): VendorConnection {
  const { origin, pathname } = new URL(options.baseUrl);
  const prefix = pathname.replace(/\/$/, '');
  const { connectMs, idleMs, totalMs } = options.timeouts;
  const pool = new Pool(origin, {
    connections: maxConnections,
    connect: createVendorConnector(connectMs),
    headersTimeout: totalMs,
    bodyTimeout: idleMs,
    keepAliveTimeout: 30_000,
  });

  const sent = ({ path, headers, method, body }: Ask): Dispatcher.DispatchOptions => {
    const all = { ...options.defaultHeaders, ...headers, ...options.headers, ...always };
    return { method, path: prefix + path, headers: all, body };
  };
  const refusal = (answer: Head, text: string): AppError => options.refusal(refusedBy(answer, text, options.secret));

  const askForJson = async (ask: Ask): Promise<Buffer> => {
    const { signal } = ask;
    let answer: Awaited<ReturnType<typeof wholeAnswer>>;
    try {
      answer = await wholeAnswer(pool, { request: sent(ask), signal, maxBytes: maxBytesOf });
    } catch (cause) {
      throw abortReason(signal) ?? (cause instanceof BrokenOff ? brokenOff(cause) : transportError(cause));
    }
    if (answer.statusCode === 200) return await wholeJson(answer);
    throw refusal(answer, await wholeText(answer));
  };
  const askForEvents = async (ask: Ask): Promise<Readable> => {
    const request = { ...sent(ask), signal: ask.signal };
    const answer = await pool.request(request).catch((cause: unknown) => {
      throw abortReason(ask.signal) ?? transportError(cause);
    });
    const readable = decoded(answer);
    if (readable.statusCode === 200) return eventsOf(readable);
    throw refusal(readable, await textOf(readable));
  };
  return {
    json: async ({ headers, ...post }) => {
      const accepting = { ...headers, accept: 'application/json', 'content-type': 'application/json' };
      return await askForJson({ ...post, headers: accepting, method: 'POST' });
    },
    events: async ({ headers, ...post }) => {
      const accepting = { ...headers, accept: 'text/event-stream', 'content-type': 'application/json' };
      return await askForEvents({ ...post, headers: accepting, method: 'POST' });
    },
    probe: async (path, signal) => {
      await askForJson({ path, headers: { accept: 'application/json' }, method: 'GET', body: null, signal });
    },
    close: async () => await pool.destroy(),
  };
}

/** A refusal may quote our key, in its text or in what it calls itself. */
function refusedBy({ statusCode: status, headers }: Head, text: string, secret: string | null): Refused {
  if (!secret) return { status, headers, text };
  const clean: VendorHeaders = {};
  for (const [name, value] of Object.entries(headers)) clean[name] = String(value ?? '').replaceAll(secret, '…');
  return { status, headers: clean, text: text.replaceAll(secret, '…') };
}
