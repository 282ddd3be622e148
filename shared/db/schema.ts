import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  customType,
  foreignKey,
  index,
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

export * from './conversation-tables.ts';
export * from './idempotency-table.ts';
export * from './metering-tables.ts';
export * from './user-table.ts';

// Constraints and indexes carry the names that Postgres gave them, because databases out there already have those.

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid().primaryKey().defaultRandom(),
    /** Null only in imported rows: a key without an owner identifies nobody. */
    userId: uuid('user_id'),
    /** SHA-256 of the whole key, in hex: the only form in which a key is stored. */
    keyHash: varchar('key_hash', { length: 255 }).notNull(),
    name: varchar({ length: 255 }),
    /** What the older system kept. Shown, never used to decide: `scopes` does that. */
    permissions: jsonb().default({}),
    isActive: boolean('is_active').notNull().default(true),
    expiresAt: moment('expires_at'),
    lastUsedAt: moment('last_used_at'),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
    /** The part up to the id (`gaia_live_4fHk…`), for display. Null in imported keys, like all that follows. */
    prefix: text(),
    lastFour: text('last_four'),
    environment: text({ enum: ['live', 'test', 'dev'] }),
    /** Null: an imported key, which has `importedKeyScopes`. An empty list grants nothing. */
    scopes: text().array(),
    limits: jsonb(),
    revokedAt: moment('revoked_at'),
    /** Null in these three: no restriction. An empty list allows nothing. */
    allowedOrigins: text('allowed_origins').array(),
    allowedIps: text('allowed_ips').array(),
    allowedModels: text('allowed_models').array(),
    /** The secret before the last rotation, which works until then. */
    previousHash: text('previous_hash'),
    previousExpiresAt: moment('previous_expires_at'),
    rotatedAt: moment('rotated_at'),
    createdByKeyId: uuid('created_by_key_id'),
  },
  (table) => [
    foreignKey({ name: 'api_keys_user_id_fkey', columns: [table.userId], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    unique('api_keys_key_hash_key').on(table.keyHash),
    unique('api_keys_prefix_key').on(table.prefix),
    uniqueIndex('api_keys_previous_hash_idx')
      .on(table.previousHash)
      .where(sql`${table.previousHash} IS NOT NULL`),
    index('api_keys_user_id_idx').on(table.userId),
    check('api_keys_environment_check', sql`${table.environment} IN ('live', 'test', 'dev')`),
  ],
);

/**
 * The feed of what must not be believed any more. A trigger makes the order of `sequence` the order of commits, so a
 * reader that asks for what is above the highest number it has seen misses nothing.
 */
export const revocations = pgTable(
  'revocations',
  {
    sequence: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text({ enum: ['key', 'session', 'user'] }).notNull(),
    subjectId: text('subject_id').notNull(),
    /** Not when its transaction began: until then somebody else may have held the lock, and made a token. */
    createdAt: moment('created_at')
      .notNull()
      .default(sql`clock_timestamp()`),
  },
  (table) => [
    index('revocations_created_at_idx').on(table.createdAt),
    index('revocations_subject_id_idx').on(table.subjectId),
    check('revocations_kind_check', sql`${table.kind} IN ('key', 'session', 'user')`),
  ],
);

/**
 * What happened to keys, sessions, users and settings. The application's role may only add rows. No foreign keys: the
 * record outlives its subjects.
 */
export const auditLog = pgTable(
  'audit_log',
  {
    sequence: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    id: uuid().notNull().defaultRandom(),
    at: moment('at').notNull().defaultNow(),
    /** Whose record this is: the owner of the subject, who may read it. */
    userId: uuid('user_id'),
    actorUserId: uuid('actor_user_id'),
    actorKeyId: uuid('actor_key_id'),
    actorSessionId: text('actor_session_id'),
    action: text().notNull(),
    subjectKind: text('subject_kind').notNull(),
    subjectId: text('subject_id'),
    before: jsonb(),
    after: jsonb(),
    requestId: text('request_id'),
    address: text(),
  },
  (table) => [unique('audit_log_id_key').on(table.id), index('audit_log_user_id_idx').on(table.userId, table.sequence)],
);

/** One salt for every password given with an address (in lower case), so that all of them cost one hash to check. */
export const passwordSalts = pgTable('password_salts', {
  address: text().primaryKey(),
  salt: bytes().notNull(),
});

export const credentials = pgTable(
  'credentials',
  {
    userId: uuid('user_id').primaryKey(),
    /** The lower-case form of `email`, which people log in with. */
    address: text().notNull(),
    email: text().notNull(),
    passwordHash: text('password_hash').notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    foreignKey({ name: 'credentials_user_id_fkey', columns: [table.userId], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    index('credentials_address_idx').on(table.address, table.createdAt),
  ],
);

export const emailConfirmations = pgTable(
  'email_confirmations',
  {
    tokenHash: text('token_hash').primaryKey(),
    userId: uuid('user_id').notNull(),
    address: text().notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    foreignKey({
      name: 'email_confirmations_user_id_fkey',
      columns: [table.userId],
      foreignColumns: [users.id],
    }).onDelete('cascade'),
    index('email_confirmations_user_id_idx').on(table.userId),
    index('email_confirmations_address_idx').on(table.address),
    index('email_confirmations_expires_at_idx').on(table.expiresAt),
  ],
);

/** A family of refresh tokens. Tokens are stored as SHA-256 only; see backends/auth/src/sessions/refresh-token.ts. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: uuid('user_id').notNull(),
    /** Of the part that all tokens of the family have in common. */
    familyHash: text('family_hash').notNull(),
    currentHash: text('current_hash').notNull(),
    /** The token before. Until then it leads to the same successor, which it and the salt give. */
    previousHash: text('previous_hash'),
    previousUntil: moment('previous_until'),
    successorSalt: bytes('successor_salt'),
    createdAt: moment('created_at').notNull().defaultNow(),
    lastUsedAt: moment('last_used_at').notNull().defaultNow(),
    expiresAt: moment('expires_at').notNull(),
    revokedAt: moment('revoked_at'),
    userAgent: text('user_agent'),
    address: text(),
  },
  (table) => [
    foreignKey({ name: 'sessions_user_id_fkey', columns: [table.userId], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    unique('sessions_family_hash_key').on(table.familyHash),
    index('sessions_user_id_idx').on(table.userId),
    index('sessions_expires_at_idx').on(table.expiresAt),
  ],
);

/** Codes that set a password, of accounts that have an address. The mail has the code, this its SHA-256. */
export const passwordCodes = pgTable(
  'password_codes',
  {
    tokenHash: text('token_hash').primaryKey(),
    userId: uuid('user_id').notNull(),
    address: text().notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    expiresAt: moment('expires_at').notNull(),
  },
  (table) => [
    foreignKey({ name: 'password_codes_user_id_fkey', columns: [table.userId], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    index('password_codes_user_id_idx').on(table.userId),
    index('password_codes_expires_at_idx').on(table.expiresAt),
  ],
);

/** How often something was tried lately, by the hash of its name; unlogged. Counted by `take_attempts`. */
export const attempts = pgTable(
  'attempts',
  {
    name: text().primaryKey(),
    /** When the name is all free again. */
    freeAt: moment('free_at').notNull(),
  },
  (table) => [index('attempts_free_at_idx').on(table.freeAt)],
);

/** Events on their way to NATS, written in the transaction of what they tell: shared/events/outbox.ts. */
export const outbox = pgTable(
  'outbox',
  {
    sequence: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** The name of the message, by which a consumer knows a second delivery. */
    id: uuid().notNull().defaultRandom(),
    subject: text().notNull(),
    payload: jsonb().notNull(),
    createdAt: moment('created_at').notNull().defaultNow(),
    sentAt: moment('sent_at'),
  },
  (table) => [
    unique('outbox_id_key').on(table.id),
    index('outbox_waiting_idx')
      .on(table.sequence)
      .where(sql`${table.sentAt} IS NULL`),
    index('outbox_created_at_idx').on(table.createdAt),
  ],
);
