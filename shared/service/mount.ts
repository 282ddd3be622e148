import type { z } from '@hono/zod-openapi';
import type { Context, Hono } from 'hono';
import type { Contract } from '../contracts/contract.ts';
import { AppError } from '../http/error.ts';
import { parseStrictJson } from '../http/strict-json.ts';
import { isAllowed, type Principal, type UserPrincipal } from '../identity/principal.ts';
import { readBody, requireJson } from './read-body.ts';
import type { ServiceEnv } from './service-env.ts';

export type RouteInput<Body, Query> = {
  c: Context<ServiceEnv>;
  body: Body;
  query: Query;
  /** The validated body as it came, for handlers that pass it on unchanged. Empty where the contract has no body. */
  rawBody: Uint8Array;
};

type Handler<Body extends z.ZodType, Query extends z.ZodType> = (
  input: RouteInput<z.output<Body>, z.output<Query>>,
) => Promise<Response> | Response;

/** Serves a contract at all its paths: checks access, then the body and the query against its schemas. */
export function mount<Body extends z.ZodType, Query extends z.ZodObject<z.core.$ZodShape>>(
  app: Hono<ServiceEnv>,
  contract: Contract<Body, Query>,
  handler: Handler<Body, Query>,
): void {
  for (const path of contract.paths) {
    app.on(contract.method.toUpperCase(), honoPath(path), async (c) => {
      requireAccess(c.get('principal'), contract);
      const query = parse(contract.query, c.req.query(), 'query');
      const takesBody = contract.body.maxBytes > 0;
      const rawBody = takesBody ? await readJsonBody(c, contract.body) : noBytes;
      const body = parse(contract.body.schema, takesBody ? parseStrictJson(rawBody) : undefined, 'body');
      return await handler({ c, body, query, rawBody });
    });
  }
}

/** The user behind a request whose contract asks for a scope. */
export function userOf(c: Context<ServiceEnv>): UserPrincipal {
  const principal = c.get('principal');
  if (principal.kind !== 'user') throw new AppError('insufficient_scope', 'This needs a user');
  return principal;
}

const noBytes = new Uint8Array();
const emptyObject = new TextEncoder().encode('{}');

function requireAccess(principal: Principal, { access }: Contract): void {
  if (isAllowed(principal, access)) return;
  throw new AppError('insufficient_scope', `This needs the scope ${access}`);
}

async function readJsonBody(c: Context<ServiceEnv>, { maxBytes, optional }: Contract['body']): Promise<Uint8Array> {
  const mayBeNothing = optional && c.req.header('content-type') === undefined;
  if (mayBeNothing && (await readBody(c, maxBytes)).length === 0) return emptyObject;
  requireJson(c);
  return await readBody(c, maxBytes);
}

function parse<T extends z.ZodType>(schema: T, value: unknown, where: 'body' | 'query'): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map((issue) => ({
    path: issue.path.map(String).join('.') || where,
    message: issue.message,
  }));
  const [first] = errors;
  throw new AppError('validation_failed', first ? `${first.path}: ${first.message}` : `The ${where} is not valid`, {
    errors,
  });
}

function honoPath(path: string): string {
  return path.replaceAll(/\{(\w+)\+\}/g, ':$1{.+}').replaceAll(/\{(\w+)\}/g, ':$1');
}
