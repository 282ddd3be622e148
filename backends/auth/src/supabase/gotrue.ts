import { Pool, type Dispatcher } from 'undici';
import * as z from 'zod';
import { AppError } from '#shared/http/error.ts';
import { parsedJson } from '#shared/json.ts';
import type { Logger } from '#shared/log.ts';
import { GotrueSessionSchema, refusalIn, type GotrueSession, type Outcome } from './gotrue-answers.ts';

export type GotrueOptions = {
  /** Of the project, such as `https://abc.supabase.co`. */
  url: string;
  anonKey: string;
  log: Logger;
  timeoutMs?: number;
};

/** Supabase's auth server. Fails with `unavailable` where it cannot be used, and with `rate_limited`. */
export type Gotrue = {
  signUp: (signUp: { email: string; password: string; name: string | null }) => Promise<Outcome<unknown>>;
  signIn: (login: { email: string; password: string }) => Promise<Outcome<GotrueSession>>;
  refresh: (refreshToken: string) => Promise<Outcome<GotrueSession>>;
  verify: (code: { type: 'signup' | 'recovery'; token: string; email: string }) => Promise<Outcome<GotrueSession>>;
  resend: (email: string) => Promise<Outcome<unknown>>;
  /** Sends a code that sets a new password. */
  recover: (email: string) => Promise<Outcome<unknown>>;
  /** Of the user of this access token. */
  setPassword: (accessToken: string, password: string) => Promise<Outcome<unknown>>;
  /** Ends the session of this access token (`local`), all others of its user, or all. */
  logOut: (accessToken: string, scope: 'local' | 'others' | 'global') => Promise<Outcome<unknown>>;
  close: () => Promise<void>;
};

/** It sends its mails while we wait. */
const defaultTimeoutMs = 10_000;
const connectMs = 2_000;
const maxConnections = 64;
const maxAnswerBytes = 256 * 1024;

export function createGotrue({ url, anonKey, log, timeoutMs = defaultTimeoutMs }: GotrueOptions): Gotrue {
  const pool = new Pool(new URL(url).origin, { connections: maxConnections, connect: { timeout: connectMs } });
  const prefix = authUrlOf(url).pathname;
  const post = async <T>(call: Call, schema: z.ZodType<T>): Promise<Outcome<T>> => {
    const path = `${prefix}/${call.path}`;
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await send(pool, { ...call, path, signal, anonKey }).catch((cause: unknown) => {
      log.warn('Supabase cannot be reached', { operation: call.path, error: cause });
      throw unavailable(cause);
    });
    return outcomeOf(answer, schema, (problem) => log.warn(problem, { operation: call.path, status: answer.status }));
  };
  const session = async (path: string, body: object) => await post({ path, body }, GotrueSessionSchema);
  return {
    signUp: async ({ email, password, name }) =>
      await post({ path: 'signup', body: { email, password, ...(name !== null && { data: { name } }) } }, z.unknown()),
    signIn: async (login) => await session('token?grant_type=password', login),
    refresh: async (refreshToken) => await session('token?grant_type=refresh_token', { refresh_token: refreshToken }),
    verify: async (code) => await session('verify', code),
    resend: async (email) => await post({ path: 'resend', body: { type: 'signup', email } }, z.unknown()),
    recover: async (email) => await post({ path: 'recover', body: { email } }, z.unknown()),
    setPassword: async (bearer, password) =>
      await post({ path: 'user', method: 'PUT', body: { password }, bearer }, z.unknown()),
    logOut: async (bearer, scope) => await post({ path: `logout?scope=${scope}`, body: {}, bearer }, z.unknown()),
    close: async () => await pool.destroy(),
  };
}

/** Where the auth server of a project is; also what it calls itself in tokens. */
export function authUrlOf(projectUrl: string): URL {
  return new URL(`${projectUrl.replace(/\/+$/, '')}/auth/v1`);
}

type Call = { path: string; method?: 'POST' | 'PUT'; body: object; bearer?: string };
type Sending = Call & { signal: AbortSignal; anonKey: string };
type Answer = { status: number; retryAfterSeconds: number | undefined; body: unknown };

async function send(pool: Pool, { path, method = 'POST', body, bearer, signal, anonKey }: Sending): Promise<Answer> {
  const answer = await pool.request({
    path,
    method,
    headers: {
      apikey: anonKey,
      authorization: `Bearer ${bearer ?? anonKey}`,
      'content-type': 'application/json',
      accept: 'application/json',
    },
    body: JSON.stringify(body),
    signal,
  });
  const retryAfterSeconds = secondsIn(answer.headers['retry-after']);
  return { status: answer.statusCode, retryAfterSeconds, body: parsedJson(await collected(answer.body)) };
}

function outcomeOf<T>(answer: Answer, schema: z.ZodType<T>, warn: (problem: string) => void): Outcome<T> {
  const { status, retryAfterSeconds, body } = answer;
  if (status >= 200 && status < 300) {
    const value = schema.safeParse(body);
    if (value.success) return { kind: 'done', value: value.data };
    warn('Supabase answered with something else than it documents');
    throw unavailable(value.error);
  }
  const refusal = status >= 400 && status < 500 ? refusalIn(body) : undefined;
  if (refusal) return { kind: refusal };
  warn('Supabase refused a request in a way that is no answer to a user');
  if (status !== 429) throw unavailable(undefined, retryAfterSeconds);
  throw new AppError('rate_limited', 'Too many attempts; please try again later', {
    retryAfterSeconds: retryAfterSeconds ?? 60,
  });
}

function unavailable(cause: unknown, retryAfterSeconds = 5): AppError {
  return new AppError('unavailable', 'Accounts cannot be reached right now; sessions go on', {
    cause,
    retryAfterSeconds,
  });
}

async function collected(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const BytesSchema = z.instanceof(Uint8Array);
  for await (const chunk of body) {
    const bytes = BytesSchema.parse(chunk);
    length += bytes.length;
    if (length > maxAnswerBytes) throw new Error('Supabase sent an answer too large');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A date instead of a number, and anything absurd, counts as nothing said. */
function secondsIn(header: string | string[] | undefined): number | undefined {
  const seconds = z.coerce.number().int().min(1).max(3_600).safeParse(header);
  return seconds.success ? seconds.data : undefined;
}
