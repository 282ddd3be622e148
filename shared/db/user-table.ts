import { sql } from 'drizzle-orm';
import { boolean, check, index, pgTable, text, unique, uniqueIndex, uuid, varchar } from 'drizzle-orm/pg-core';
import { moment } from './moment.ts';

export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey().defaultRandom(),
    /** Null until a mailbox has confirmed it: an address that was only claimed belongs to nobody. */
    email: varchar({ length: 255 }),
    name: varchar({ length: 255 }),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
    role: text({ enum: ['user', 'admin'] })
      .notNull()
      .default('user'),
    disabledAt: moment('disabled_at'),
    emailConfirmedAt: moment('email_confirmed_at'),
    /** An imported second spelling of an address that means an older account. */
    isEmailShadowed: boolean('is_email_shadowed').notNull().default(false),
  },
  (table) => [
    unique('users_email_key').on(table.email),
    uniqueIndex('users_email_lower_idx')
      .on(sql`lower(${table.email})`)
      .where(sql`NOT ${table.isEmailShadowed}`),
    index('users_disabled_at_idx')
      .on(table.disabledAt)
      .where(sql`${table.disabledAt} IS NOT NULL`),
    index('users_unconfirmed_idx')
      .on(table.createdAt)
      .where(sql`${table.email} IS NULL`),
    check('users_role_check', sql`${table.role} IN ('user', 'admin')`),
  ],
);
