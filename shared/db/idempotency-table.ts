import { sql } from 'drizzle-orm';
import { boolean, check, customType, index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { moment } from './moment.ts';

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** What became of requests with an Idempotency-Key: shared/idempotency. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    /** SHA-256 of user and key. */
    id: text().primaryKey(),
    userId: uuid('user_id').notNull(),
    requestHash: text('request_hash').notNull(),
    state: text({ enum: ['running', 'done'] }).notNull(),
    /** Whoever runs the request, and until when it is believed to be alive. */
    owner: uuid().notNull(),
    leaseExpiresAt: moment('lease_expires_at').notNull(),
    /** Whether a duplicate waits and wants to be told. */
    isAwaited: boolean('is_awaited').notNull().default(false),
    status: integer(),
    headers: jsonb(),
    /** Null in a row that is done: the answer was too large to keep. */
    response: bytes(),
    /** How often it was begun, because the processes of earlier attempts died. */
    attempts: integer().notNull().default(1),
    createdAt: moment('created_at').notNull().defaultNow(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    index('idempotency_keys_expires_at_idx').on(table.expiresAt),
    check('idempotency_keys_state_check', sql`${table.state} IN ('running', 'done')`),
  ],
);
