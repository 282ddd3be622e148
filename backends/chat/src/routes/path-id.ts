import type { Context } from 'hono';
import { IdSchema } from '#shared/contracts/lists.ts';
import type { AppError } from '#shared/http/error.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';

/** The `{id}` of a path. What cannot be one is answered like one that does not exist. */
export function pathId(c: Context<ServiceEnv>, notFound: () => AppError): string {
  const id = IdSchema.safeParse(c.req.param('id'));
  if (!id.success) throw notFound();
  return id.data.toLowerCase();
}
