import { z } from '@hono/zod-openapi';

/** Looser than `z.uuid()`: rows imported from older systems have ids that follow no version of the standard. */
export const IdSchema = z.guid();

/** What every list takes: how many, and the `next` of the page before. */
export const pageQuery = {
  query: z.object({
    limit: z.coerce.number().int().min(1).max(100).default(20),
    after: IdSchema.optional(),
  }),
};

/** What every list answers beside its items: what to send as `after`, or null at the end. */
export const NextSchema = IdSchema.nullable();
