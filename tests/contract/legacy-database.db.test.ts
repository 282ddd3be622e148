import { afterEach, describe, expect, it } from 'vitest';
import { migrate } from '../../shared/db/migrate.ts';
import { schemaDrift } from '../support/schema-drift.ts';
import { createEmptyDatabase, queryRows, type TestDatabase } from '../support/postgres.ts';
import { silentLog } from '../support/silent-log.ts';

const hash = 'a'.repeat(64);

/**
 * A database of the earlier system: nothing NOT NULL that need not be, times without a zone, a row in every table.
 * What becomes of conversations and personas is told in legacy-conversations.db.test.ts.
 */
const legacy = (keyHashWidth: number): string => `
  set time zone 'America/Los_Angeles';
  create table users (id uuid primary key default gen_random_uuid(), email varchar(255) unique, name varchar(255),
    created_at timestamp default now(), updated_at timestamp default now());
  create table api_keys (id uuid primary key, user_id uuid references users (id) on delete cascade,
    key_hash varchar(${keyHashWidth}) unique not null, name varchar(255), permissions jsonb default '{}',
    is_active boolean default true, expires_at timestamp, last_used_at timestamp, created_at timestamp,
    updated_at timestamp);
  create table conversations (id uuid primary key default gen_random_uuid(), user_id uuid,
    title varchar(255) default 'New Conversation', preview text, is_active boolean, created_at timestamp,
    updated_at timestamp);
  create table chat_messages (id uuid primary key default gen_random_uuid(), user_id uuid, conversation_id uuid,
    role varchar(50), content text, model varchar(100), provider varchar(50), tokens_used int, created_at timestamp);
  create table personas (id uuid primary key default gen_random_uuid(), name varchar(100) unique, description text,
    system_prompt text, personality_traits jsonb, capabilities jsonb, is_active boolean, created_by uuid,
    created_at timestamp, updated_at timestamp);
  create table user_persona_preferences (user_id uuid primary key, persona_id uuid, updated_at timestamp);
  create table asset_sources (name varchar(100), rate int);
  create table assets (id uuid primary key default gen_random_uuid(), category text, title text, style_tags text[]);
  create table asset_generations (id uuid, prompt text);
  create table asset_modifications (id uuid, prompt text);
  create table asset_usage (id uuid, note text);
  insert into users (id, email, name, created_at) values
    ('00000000-0000-0000-0000-000000000001', 'a@example.org', 'A', '2024-01-02 03:04:05');
  insert into api_keys (id, user_id, key_hash, name, permissions, is_active, expires_at) values
    ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', '${hash}', 'k', '{"all":1}', true,
     '2030-01-01 00:00:00'),
    ('00000000-0000-0000-0000-000000000003', null, 'unknown state', 'k', null, null, null);
  insert into conversations (preview) values ('p');
  insert into chat_messages (content) values ('hello {tools_section}');
  insert into personas (name) values ('Mu');
  insert into user_persona_preferences (user_id) values (gen_random_uuid());
  insert into asset_sources values ('openai', 50);
  insert into assets (title, style_tags) values ('t', '{a,b}');
  insert into asset_generations values (gen_random_uuid(), 'g');
  insert into asset_modifications values (gen_random_uuid(), 'm');
  insert into asset_usage values (gen_random_uuid(), 'u');`;

const untouched = ['asset_sources', 'assets', 'asset_generations', 'asset_modifications', 'asset_usage'];

let database: TestDatabase | undefined;
afterEach(async () => {
  await database?.drop();
});

describe.each([64, 255])('a database of the earlier system, key_hash varchar(%i)', (width) => {
  it('is taken over without losing a row or a value, and the new columns have safe defaults', async () => {
    database = await createEmptyDatabase();
    const { url } = database;
    await queryRows(url, legacy(width));
    const contents = async (): Promise<unknown[][]> =>
      await Promise.all(untouched.map(async (table) => await queryRows(url, `select * from ${table}`)));
    const before = await contents();
    await migrate({ url, direction: 'up', log: silentLog });

    expect(await contents()).toEqual(before);
    expect(before.map((rows) => rows.length)).toEqual(untouched.map(() => 1));
    expect(
      await queryRows(
        url,
        `select email, name, role, disabled_at, created_at::text from users where email is not null`,
      ),
    ).toEqual([
      { email: 'a@example.org', name: 'A', role: 'user', disabled_at: null, created_at: '2024-01-02 03:04:05+00' },
    ]);
    const [imported, unknown] = await queryRows(
      url,
      `select key_hash, name, permissions, is_active, expires_at::text, scopes, revoked_at from api_keys order by id`,
    );
    expect(imported).toEqual({
      key_hash: hash,
      name: 'k',
      permissions: { all: 1 },
      is_active: true,
      scopes: null,
      revoked_at: null,
      expires_at: '2030-01-01 00:00:00+00',
    });
    expect(unknown).toMatchObject({ key_hash: 'unknown state', is_active: false });
    expect(await schemaDrift(url)).toEqual([]);
  });
});
