import { sql } from 'drizzle-orm';
import { apiKeys } from '#shared/db/schema.ts';

/**
 * When a key expires, as times can be written in answers. Imported keys may have 'infinity', or a year of five digits:
 * those never expire. What lies before 1970, as '-infinity' does, is over in any case.
 * The gateway's neon-http store has the same expression.
 */
export const keyExpiry = sql`
  CASE WHEN ${apiKeys.expiresAt} < '10000-01-01Z' THEN floor(extract(epoch FROM ${apiKeys.expiresAt}) * 1000) END
`.mapWith((ms): Date | null => new Date(Math.max(0, Number(ms))));
