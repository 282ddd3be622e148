import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import type { AppError } from '#shared/http/error.ts';
import type { Refused, VendorHeaders } from './refused.ts';
import { abortReason, createVendorConnector, transportError } from './transport-errors.ts';
import { decoded, eventsOf, jsonOf, textOf, type VendorAnswer } from './vendor-answer.ts';

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

  const ask = async ({ path, headers, ...request }: Ask): Promise<VendorAnswer> => {
    const all = { ...options.defaultHeaders, ...headers, ...options.headers, ...always };
    const answer = await pool.request({ ...request, path: prefix + path, headers: all }).catch((cause: unknown) => {
      throw abortReason(request.signal) ?? transportError(cause);
    });
    const readable = decoded(answer);
    if (readable.statusCode === 200) return readable;
    throw options.refusal(refusedBy(readable, await textOf(readable), options.secret));
  };
  const post = async (request: VendorPost, accept: string): Promise<VendorAnswer> => {
    const headers = { ...request.headers, accept, 'content-type': 'application/json' };
    return await ask({ ...request, headers, method: 'POST' });
  };
  return {
    json: async (request) => await jsonOf(await post(request, 'application/json'), request.signal),
    events: async (request) => eventsOf(await post(request, 'text/event-stream')),
    probe: async (path, signal) => {
      const headers = { accept: 'application/json' };
      await jsonOf(await ask({ path, headers, method: 'GET', body: null, signal }), signal);
    },
    close: async () => await pool.destroy(),
  };
}

/** A refusal may quote our key, in its text or in what it calls itself. */
function refusedBy({ statusCode: status, headers }: VendorAnswer, text: string, secret: string | null): Refused {
  if (!secret) return { status, headers, text };
  const clean: VendorHeaders = {};
  for (const [name, value] of Object.entries(headers)) clean[name] = String(value ?? '').replaceAll(secret, '…');
  return { status, headers: clean, text: text.replaceAll(secret, '…') };
}
