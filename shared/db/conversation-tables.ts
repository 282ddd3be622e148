import { sql, type SQL } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  unique,
  uniqueIndex,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { moment } from './moment.ts';
import { users } from './user-table.ts';

const searchVector = customType<{ data: string }>({ dataType: () => 'tsvector' });

export const conversations = pgTable(
  'conversations',
  {
    id: uuid().primaryKey().defaultRandom(),
    /** Null only in imported rows, which nobody sees. */
    userId: uuid('user_id'),
    title: varchar({ length: 255 }).default('New Conversation'),
    preview: text(),
    isActive: boolean('is_active').notNull().default(true),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
    /** The highest position that was given to a message. Drawn under the lock of this row, two for each turn. */
    lastPosition: bigint('last_position', { mode: 'number' }).notNull().default(0),
    /** Whether somebody chose the title; otherwise it is made from the first message. */
    isTitled: boolean('is_titled').notNull().default(false),
    /** The turn that made this conversation, so that the same request never makes two. */
    firstTurnId: text('first_turn_id'),
    /** Who may answer now, and until when: see docs/decisions/0023. */
    turnLease: uuid('turn_lease'),
    turnExpiresAt: moment('turn_expires_at'),
  },
  (table) => [
    foreignKey({ name: 'conversations_user_id_fkey', columns: [table.userId], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    uniqueIndex('conversations_first_turn_id_idx').on(table.userId, table.firstTurnId),
    index('conversations_user_id_updated_at_idx').on(table.userId, table.updatedAt, table.id),
  ],
);

export const chatMessages = pgTable(
  'chat_messages',
  {
    id: uuid().primaryKey().defaultRandom(),
    /** Null only in imported rows, like `conversationId`. */
    userId: uuid('user_id'),
    conversationId: uuid('conversation_id'),
    role: varchar({ length: 50 }).notNull(),
    content: text().notNull(),
    model: text(),
    provider: text(),
    tokensUsed: integer('tokens_used'),
    createdAt: moment('created_at').notNull().defaultNow(),
    position: bigint({ mode: 'number' }).notNull(),
    /** Null in imported rows. */
    turnId: text('turn_id'),
    /** Of a user's message: pending, completed or unanswered. Of an answer: completed, broken or cancelled. */
    status: text({ enum: ['pending', 'unanswered', 'completed', 'broken', 'cancelled'] })
      .notNull()
      .default('completed'),
    /** The message as the caller structured it, where that is more than text. */
    parts: jsonb(),
    search: searchVector().generatedAlwaysAs((): SQL => sql`to_tsvector('simple', left(content, 50000))`),
  },
  (table) => [
    foreignKey({ name: 'chat_messages_user_id_fkey', columns: [table.userId], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    foreignKey({
      name: 'chat_messages_conversation_id_fkey',
      columns: [table.conversationId],
      foreignColumns: [conversations.id],
    }).onDelete('cascade'),
    uniqueIndex('chat_messages_position_idx').on(table.conversationId, table.position),
    uniqueIndex('chat_messages_turn_id_idx').on(table.conversationId, table.turnId, table.role),
    index('chat_messages_user_id_idx').on(table.userId),
    index('chat_messages_search_idx').using('gin', table.search),
    check(
      'chat_messages_status_check',
      sql`${table.status} IN ('pending', 'unanswered', 'completed', 'broken', 'cancelled')`,
    ),
  ],
);

export const personas = pgTable(
  'personas',
  {
    id: uuid().primaryKey().defaultRandom(),
    name: varchar({ length: 100 }).notNull(),
    description: text(),
    systemPrompt: text('system_prompt').notNull(),
    personalityTraits: jsonb('personality_traits').default({}),
    capabilities: jsonb().default({}),
    isActive: boolean('is_active').notNull().default(true),
    createdBy: uuid('created_by'),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
    /** Everybody may use it, administrators may change it. What is not shared is its maker's alone. */
    isShared: boolean('is_shared').notNull().default(false),
    /** Which of the personas that come with Gaia this is. */
    defaultKey: text('default_key'),
    /** The version of Gaia's own text that it holds. Null: somebody changed it. */
    defaultVersion: integer('default_version'),
  },
  (table) => [
    foreignKey({ name: 'personas_created_by_fkey', columns: [table.createdBy], foreignColumns: [users.id] }).onDelete(
      'set null',
    ),
    uniqueIndex('personas_name_idx').on(table.createdBy, table.name),
    unique('personas_default_key_key').on(table.defaultKey),
    index('personas_is_shared_idx')
      .on(table.createdAt)
      .where(sql`${table.isShared}`),
  ],
);

export const userPersonaPreferences = pgTable(
  'user_persona_preferences',
  {
    userId: uuid('user_id').primaryKey(),
    personaId: uuid('persona_id'),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    foreignKey({
      name: 'user_persona_preferences_user_id_fkey',
      columns: [table.userId],
      foreignColumns: [users.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'user_persona_preferences_persona_id_fkey',
      columns: [table.personaId],
      foreignColumns: [personas.id],
    }).onDelete('cascade'),
    index('user_persona_preferences_persona_id_idx').on(table.personaId),
  ],
);
