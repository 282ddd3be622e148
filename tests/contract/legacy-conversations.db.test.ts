import { afterEach, describe, expect, it } from 'vitest';
import { migrate } from '../../shared/db/migrate.ts';
import { createEmptyDatabase, queryRows, type TestDatabase } from '../support/postgres.ts';
import { schemaDrift } from '../support/schema-drift.ts';
import { silentLog } from '../support/silent-log.ts';

const id = (n: number): string => `00000000-0000-0000-0000-${String(n).padStart(12, '0')}`;
const [ann, bob, eve, stranger] = [id(1), id(2), id(3), id(9)];
const [anns, unknown, everybodys, ownerless] = [id(10), id(11), id(12), id(13)];

/** What the earlier system let happen: conversations that nobody made, several people in one, no owner, no order. */
const legacy = `
  set time zone 'America/Los_Angeles';
  create table users (id uuid primary key default gen_random_uuid(), email varchar(255) unique, name varchar(255),
    created_at timestamp default now(), updated_at timestamp default now());
  create table conversations (id uuid primary key default gen_random_uuid(), user_id uuid,
    title varchar(255) default 'New Conversation', preview text, is_active boolean, created_at timestamp,
    updated_at timestamp);
  create table chat_messages (id uuid primary key default gen_random_uuid(), user_id uuid, conversation_id uuid,
    role varchar(50), content text, model varchar(100), provider varchar(50), tokens_used int, created_at timestamp);
  create table personas (id uuid primary key default gen_random_uuid(), name varchar(100) unique, description text,
    system_prompt text, personality_traits jsonb, capabilities jsonb, is_active boolean, created_by uuid,
    created_at timestamp, updated_at timestamp);
  create table user_persona_preferences (user_id uuid primary key, persona_id uuid, updated_at timestamp);
  insert into users (id, email) values ('${ann}', 'ann@example.org'), ('${bob}', 'bob@example.org');
  insert into conversations (id, user_id, title, created_at, updated_at) values
    ('${anns}', '${ann}', 'Holidays', '2024-01-01 00:00:00', '2024-01-02 03:04:05'),
    ('${ownerless}', null, null, null, null);
  insert into chat_messages (id, user_id, conversation_id, role, content, created_at) values
    ('${id(103)}', '${ann}', '${anns}', 'user', 'third', '2024-01-01 00:00:02'),
    ('${id(101)}', null, '${anns}', 'assistant', 'second', '2024-01-01 00:00:01'),
    ('${id(102)}', '${ann}', '${anns}', 'user', 'first', '2024-01-01 00:00:01'),
    ('${id(111)}', '${eve}', '${unknown}', 'user', 'who am I', '2024-02-01 00:00:00'),
    ('${id(121)}', '${ann}', '${everybodys}', 'user', 'from Ann', '2024-03-01 00:00:00'),
    ('${id(122)}', '${bob}', '${everybodys}', 'user', 'from Bob', '2024-03-02 00:00:00'),
    ('${id(131)}', '${bob}', '${ownerless}', null, null, null),
    ('${id(141)}', '${ann}', null, 'user', 'nowhere', '2024-04-01 00:00:00'),
    ('${id(151)}', null, null, 'user', 'nobody', null);
  insert into personas (id, name, system_prompt, created_by) values
    ('${id(201)}', 'Mu', 'Our own Mu {tools_section}', null), ('${id(202)}', 'Pirate', 'Arr', '${ann}'),
    ('${id(203)}', null, null, '${stranger}');
  insert into user_persona_preferences (user_id, persona_id) values
    ('${ann}', '${id(202)}'), ('${bob}', '${id(999)}'), ('${eve}', null);`;

let database: TestDatabase | undefined;
afterEach(async () => {
  await database?.drop();
});

async function takenOver(): Promise<(text: string) => Promise<unknown[]>> {
  database = await createEmptyDatabase();
  const { url } = database;
  await queryRows(url, legacy);
  await migrate({ url, direction: 'up', log: silentLog });
  expect(await schemaDrift(url)).toEqual([]);
  return async (text) => await queryRows(url, text);
}

describe('conversations of the earlier system', () => {
  it('keep every message and text, in the order of their times, the question before its answer', async () => {
    const rows = await takenOver();
    expect(
      await rows(`select id, content, position::int, status, turn_id, created_at::text as at from chat_messages
        where conversation_id = '${anns}' order by position`),
    ).toEqual([
      { id: id(102), content: 'first', position: 1, status: 'completed', turn_id: null, at: '2024-01-01 00:00:01+00' },
      { id: id(101), content: 'second', position: 2, status: 'completed', turn_id: null, at: '2024-01-01 00:00:01+00' },
      { id: id(103), content: 'third', position: 3, status: 'completed', turn_id: null, at: '2024-01-01 00:00:02+00' },
    ]);
    expect(await rows('select count(*)::int from chat_messages')).toEqual([{ count: 9 }]);
    expect(
      await rows(`select user_id, title, is_titled, preview, is_active, last_position::int, updated_at::text
        from conversations where id = '${anns}'`),
    ).toEqual([
      {
        user_id: ann,
        title: 'Holidays',
        is_titled: true,
        preview: 'first',
        is_active: true,
        last_position: 3,
        updated_at: '2024-01-02 03:04:05+00',
      },
    ]);
  });

  it('give every message a conversation of whoever wrote it, and show nobody what another wrote', async () => {
    const rows = await takenOver();
    expect(
      await rows(`select m.id, m.user_id, c.user_id as owner, m.conversation_id = '${everybodys}' as stayed
        from chat_messages m left join conversations c on c.id = m.conversation_id
        where m.id in ('${id(111)}', '${id(121)}', '${id(122)}', '${id(131)}') order by m.id`),
    ).toEqual([
      { id: id(111), user_id: eve, owner: eve, stayed: false },
      { id: id(121), user_id: ann, owner: ann, stayed: true },
      { id: id(122), user_id: bob, owner: bob, stayed: false },
      { id: id(131), user_id: bob, owner: bob, stayed: false },
    ]);
    expect(
      await rows(
        'select m.id from chat_messages m join conversations c on c.id = m.conversation_id and c.user_id <> m.user_id',
      ),
    ).toEqual([]);
    expect(
      await rows('select id, user_id, conversation_id from chat_messages where conversation_id is null order by id'),
    ).toEqual([
      { id: id(141), user_id: ann, conversation_id: null },
      { id: id(151), user_id: null, conversation_id: null },
    ]);
  });

  it('take new messages after the old ones, and can be searched', async () => {
    const rows = await takenOver();
    expect(
      await rows(`select id from chat_messages where search @@ websearch_to_tsquery('simple', 'who "am I"')`),
    ).toEqual([{ id: id(111) }]);
    await expect(
      rows(`insert into chat_messages (conversation_id, role, content, position) values ('${anns}', 'user', 'x', 3)`),
    ).rejects.toThrow(/chat_messages_position_idx/);
  });

  it('take in a text whose words are too many for an index, instead of refusing it', async () => {
    const rows = await takenOver();
    const words = `(select string_agg(chr(20000 + n % 20000) || '-' || chr(150000 + n), '-') from generate_series(1, 60000) n)`;
    await rows(
      `insert into chat_messages (conversation_id, role, content, position) values ('${anns}', 'user', ${words}, 4)`,
    );
    expect(await rows('select max(length(content)) > 200000 as kept from chat_messages')).toEqual([{ kept: true }]);
  });
});

describe('personas of the earlier system', () => {
  it('belong to whoever made them, and to everybody where nobody did; Mu keeps its own words', async () => {
    const rows = await takenOver();
    expect(
      await rows(
        'select id, name, system_prompt, created_by, is_shared, is_active, default_key, default_version from personas order by id',
      ),
    ).toEqual([
      {
        id: id(201),
        name: 'Mu',
        system_prompt: 'Our own Mu {tools_section}',
        created_by: null,
        is_shared: true,
        is_active: true,
        default_key: 'mu',
        default_version: null,
      },
      {
        id: id(202),
        name: 'Pirate',
        system_prompt: 'Arr',
        created_by: ann,
        is_shared: false,
        is_active: true,
        default_key: null,
        default_version: null,
      },
      {
        id: id(203),
        name: `Unnamed ${id(203)}`,
        system_prompt: '',
        created_by: stranger,
        is_shared: false,
        is_active: true,
        default_key: null,
        default_version: null,
      },
    ]);
  });

  it('may have a name that somebody else has taken, and a choice of one that is gone is no choice', async () => {
    const rows = await takenOver();
    await rows(`insert into personas (name, system_prompt, created_by) values ('Pirate', 'Ahoy', '${bob}')`);
    await expect(
      rows(`insert into personas (name, system_prompt, created_by) values ('Pirate', 'Arr', '${ann}')`),
    ).rejects.toThrow(/personas_name_idx/);
    expect(await rows('select user_id, persona_id from user_persona_preferences order by user_id')).toEqual([
      { user_id: ann, persona_id: id(202) },
      { user_id: bob, persona_id: null },
      { user_id: eve, persona_id: null },
    ]);
  });
});

describe('undoing the conversations', () => {
  it('makes no private persona public, and no name is lost', async () => {
    const rows = await takenOver();
    await rows(`insert into personas (name, system_prompt, created_by) values ('Pirate', 'Ahoy', '${bob}')`);
    const applied = await rows(`select name from ops.migrations where name >= '010' order by name`);
    await migrate({ url: database?.url ?? '', direction: 'down', count: applied.length, log: silentLog });
    const active = await rows('select name from personas where is_active');
    expect(active).toEqual([{ name: 'Mu' }]);
    expect(await rows('select count(distinct name)::int from personas')).toEqual([{ count: 4 }]);
    await migrate({ url: database?.url ?? '', direction: 'up', log: silentLog });
    expect(await schemaDrift(database?.url ?? '')).toEqual([]);
  });
});
