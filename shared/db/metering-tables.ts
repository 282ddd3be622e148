import { sql } from 'drizzle-orm';
import { bigint, check, customType, index, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { moment } from './moment.ts';

// Functions of migrations/009_metering.sql write these, but for the budgets of users. Not here are the tables that drizzle
// cannot describe: `usage_events` is partitioned, `budget_windows` and `minute_counters` have keys of several columns.

const count = (name: string) => bigint(name, { mode: 'number' });
const transactionId = customType<{ data: string }>({ dataType: () => 'xid8' });

/** What a key (mirrored from its limits by a trigger) or a user may spend. A limit of null: taken back. */
export const budgets = pgTable(
  'budgets',
  {
    subjectKind: text('subject_kind', { enum: ['key', 'user'] }).notNull(),
    subjectId: uuid('subject_id').notNull(),
    period: text({ enum: ['day', 'month', 'total'] }).notNull(),
    limitMicros: count('limit_micros'),
    changedAt: moment('changed_at').notNull().defaultNow(),
    changedIn: transactionId('changed_in')
      .notNull()
      .default(sql`pg_current_xact_id()`),
  },
  (table) => [
    uniqueIndex('budgets_subject_idx').on(table.subjectKind, table.subjectId),
    index('budgets_changed_in_idx').on(table.changedIn),
    check('budgets_subject_kind_check', sql`${table.subjectKind} IN ('key', 'user')`),
    check('budgets_period_check', sql`${table.period} IN ('day', 'month', 'total')`),
    check('budgets_limit_micros_check', sql`${table.limitMicros} >= 0`),
  ],
);

/** What is held back for calls that run. */
export const reservations = pgTable(
  'reservations',
  {
    callId: uuid('call_id').primaryKey(),
    userId: uuid('user_id').notNull(),
    keyId: uuid('key_id'),
    micros: count('micros').notNull(),
    tokens: count('tokens'),
    at: moment('at').notNull(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    index('reservations_user_id_idx').on(table.userId),
    index('reservations_expires_at_idx').on(table.expiresAt),
  ],
);
