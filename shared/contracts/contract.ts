import { z } from '@hono/zod-openapi';
import type { ServiceName } from '../identity/assertion.ts';
import type { Access } from '../identity/principal.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
type AnyObject = z.ZodObject<z.core.$ZodShape>;

export type ContractAnswer = {
  description: string;
  /** Absent where there is no body. */
  schema?: z.ZodType;
  /** Absent: `application/json`. */
  contentType?: string;
  /** What the same status carries when the request asked for a stream; described, not validated. */
  stream?: string;
};

/** One operation of the public API (or, with access `internal`, one between the gateway and a backend). */
export type Contract<Body extends z.ZodType = z.ZodType, Query extends AnyObject = AnyObject> = {
  /** Unique, in camel case; the handler lives in `routes/` under the same words. */
  operation: string;
  service: ServiceName | 'gateway';
  method: Method;
  /**
   * With parameters as `{name}`, or `{name+}` where the value may have slashes. The first path is the canonical one;
   * the others are older spellings of it.
   */
  paths: readonly [string, ...string[]];
  access: Access;
  tag: string;
  summary: string;
  description?: string;
  /** `maxBytes` 0: the operation takes no body. `optional`: none at all, without a Content-Type, counts as `{}`. */
  body: { schema: Body; maxBytes: number; optional?: true };
  query: Query;
  /** It costs money, and with an `Idempotency-Key` it is carried out and charged once. */
  isRepeatable?: true;
  answers: Record<number, ContractAnswer>;
};

/** For an operation without a body or a query: `contract({ ...noBody, ...noQuery, … })`. */
export const noBody = { body: { schema: z.undefined(), maxBytes: 0 } };
export const noQuery = { query: z.object({}) };

/** Declares an operation. Types of the handler's input are inferred from the schemas given here. */
export function contract<Body extends z.ZodType, Query extends AnyObject>(
  declaration: Contract<Body, Query>,
): Contract<Body, Query> {
  return declaration;
}
