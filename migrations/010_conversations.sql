-- Up Migration

-- Databases of the earlier system differ in details that this file relies on. What is already right is not touched.
DO $$
DECLARE
  old record;
BEGIN
  FOR old IN
    SELECT table_name, column_name
    FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'
      AND table_name IN ('conversations', 'chat_messages', 'personas', 'user_persona_preferences')
  LOOP
    -- They were written as UTC.
    EXECUTE format(
      'ALTER TABLE public.%I ALTER COLUMN %I TYPE timestamptz USING %2$I AT TIME ZONE ''UTC''',
      old.table_name, old.column_name
    );
  END LOOP;

  -- Names of personas were unique for everybody. Now they are for each owner.
  FOR old IN
    SELECT i.indexrelid::regclass AS name, c.conname
    FROM pg_index i
    LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'u'
    WHERE i.indrelid = 'public.personas'::regclass AND i.indisunique AND NOT i.indisprimary AND i.indnkeyatts = 1
      AND i.indkey[0] = (SELECT attnum FROM pg_attribute WHERE attrelid = i.indrelid AND attname = 'name')
  LOOP
    IF old.conname IS NULL THEN
      EXECUTE format('DROP INDEX %s', old.name);
    ELSE
      EXECUTE format('ALTER TABLE public.personas DROP CONSTRAINT %I', old.conname);
    END IF;
  END LOOP;
END
$$;

ALTER TABLE conversations
  ADD COLUMN last_position bigint NOT NULL DEFAULT 0,
  ADD COLUMN is_titled boolean NOT NULL DEFAULT false,
  ADD COLUMN first_turn_id text,
  ADD COLUMN turn_lease uuid,
  ADD COLUMN turn_expires_at timestamptz;

ALTER TABLE chat_messages
  ALTER COLUMN model TYPE text, -- Names of models and providers are not ours to bound.
  ALTER COLUMN provider TYPE text,
  ADD COLUMN position bigint,
  ADD COLUMN turn_id text,
  ADD COLUMN status text NOT NULL DEFAULT 'completed' CONSTRAINT chat_messages_status_check
    CHECK (status IN ('pending', 'unanswered', 'completed', 'broken', 'cancelled')),
  ADD COLUMN parts jsonb;

COMMENT ON COLUMN chat_messages.status IS
  'Of a user''s message: pending, completed or unanswered. Of an answer: completed, broken or cancelled.';

-- Rows may name users of an identity provider who never got a row here. They get one, as at their next request.
INSERT INTO users (id)
SELECT user_id FROM conversations WHERE user_id IS NOT NULL
UNION SELECT user_id FROM chat_messages WHERE user_id IS NOT NULL
UNION SELECT user_id FROM user_persona_preferences
UNION SELECT created_by FROM personas WHERE created_by IS NOT NULL
ON CONFLICT DO NOTHING;

-- Messages may name conversations that do not exist. These are made anew, for whoever wrote first in them.
INSERT INTO conversations (id, user_id, created_at, updated_at)
SELECT DISTINCT ON (m.conversation_id)
  m.conversation_id, m.user_id,
  coalesce(min(m.created_at) OVER (PARTITION BY m.conversation_id), now()),
  coalesce(max(m.created_at) OVER (PARTITION BY m.conversation_id), now())
FROM chat_messages m
WHERE m.conversation_id IS NOT NULL AND NOT EXISTS (SELECT FROM conversations c WHERE c.id = m.conversation_id)
ORDER BY m.conversation_id, (m.user_id IS NULL), m.created_at NULLS FIRST, m.id;

-- What has no owner belongs to the one person who is named on the other side.
UPDATE conversations c SET user_id = one.user_id
FROM (
  SELECT conversation_id, min(user_id::text)::uuid AS user_id FROM chat_messages
  WHERE conversation_id IS NOT NULL AND user_id IS NOT NULL
  GROUP BY conversation_id HAVING count(DISTINCT user_id) = 1
) one
WHERE one.conversation_id = c.id AND c.user_id IS NULL;

UPDATE chat_messages m SET user_id = c.user_id
FROM conversations c
WHERE c.id = m.conversation_id AND m.user_id IS NULL AND c.user_id IS NOT NULL;

-- Several people may have written under one id. A conversation has one owner, so the others get one of their own.
INSERT INTO conversations (id, user_id, created_at, updated_at)
SELECT md5(m.conversation_id::text || m.user_id::text)::uuid, m.user_id,
  coalesce(min(m.created_at), now()), coalesce(max(m.created_at), now())
FROM chat_messages m JOIN conversations c ON c.id = m.conversation_id
WHERE m.user_id <> c.user_id OR (m.user_id IS NOT NULL AND c.user_id IS NULL)
GROUP BY m.conversation_id, m.user_id
ON CONFLICT DO NOTHING;

UPDATE chat_messages m SET conversation_id = md5(m.conversation_id::text || m.user_id::text)::uuid
FROM conversations c
WHERE c.id = m.conversation_id AND (m.user_id <> c.user_id OR (m.user_id IS NOT NULL AND c.user_id IS NULL));

-- A title that somebody may have chosen stays.
UPDATE conversations SET
  is_active = coalesce(is_active, true),
  is_titled = coalesce(title, 'New Conversation') <> 'New Conversation',
  created_at = coalesce(created_at, updated_at, now()),
  updated_at = coalesce(updated_at, created_at, now());

UPDATE chat_messages m SET
  role = coalesce(m.role, 'unknown'),
  content = coalesce(m.content, ''),
  created_at = coalesce(m.created_at, now()),
  position = ordered.position
FROM (
  SELECT id, row_number() OVER (
    PARTITION BY conversation_id ORDER BY created_at NULLS FIRST, (role = 'user') DESC, id
  ) AS position
  FROM chat_messages
) ordered
WHERE ordered.id = m.id;

UPDATE conversations c SET
  last_position = own.last_position,
  preview = coalesce(c.preview, own.preview)
FROM (
  SELECT conversation_id, max(position) AS last_position,
    left((array_agg(content ORDER BY position) FILTER (WHERE role = 'user'))[1], 200) AS preview
  FROM chat_messages WHERE conversation_id IS NOT NULL GROUP BY conversation_id
) own
WHERE own.conversation_id = c.id;

UPDATE personas SET
  name = coalesce(name, 'Unnamed ' || id),
  system_prompt = coalesce(system_prompt, ''),
  is_active = coalesce(is_active, true),
  created_at = coalesce(created_at, updated_at, now()),
  updated_at = coalesce(updated_at, created_at, now());

UPDATE user_persona_preferences SET updated_at = coalesce(updated_at, now()) WHERE updated_at IS NULL;
UPDATE user_persona_preferences p SET persona_id = NULL
WHERE persona_id IS NOT NULL AND NOT EXISTS (SELECT FROM personas WHERE id = p.persona_id);

ALTER TABLE conversations
  ALTER COLUMN id SET DEFAULT gen_random_uuid(),
  ALTER COLUMN title SET DEFAULT 'New Conversation',
  ALTER COLUMN is_active SET DEFAULT true,
  ALTER COLUMN is_active SET NOT NULL,
  ALTER COLUMN created_at SET DEFAULT now(),
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET DEFAULT now(),
  ALTER COLUMN updated_at SET NOT NULL;

ALTER TABLE chat_messages
  ALTER COLUMN id SET DEFAULT gen_random_uuid(),
  ALTER COLUMN role SET NOT NULL,
  ALTER COLUMN content SET NOT NULL,
  ALTER COLUMN position SET NOT NULL,
  ALTER COLUMN created_at SET DEFAULT now(),
  ALTER COLUMN created_at SET NOT NULL,
  -- Stored, so that a search filters one user's messages without parsing each of them. The longest text that cannot
  -- exceed what a tsvector may hold, whatever its words are: an error here would refuse the message.
  ADD COLUMN search tsvector GENERATED ALWAYS AS (to_tsvector('simple', left(content, 50000))) STORED;

-- Personas that nobody made belong to everybody; those of a person become private.
ALTER TABLE personas
  ALTER COLUMN id SET DEFAULT gen_random_uuid(),
  ALTER COLUMN name SET NOT NULL,
  ALTER COLUMN system_prompt SET NOT NULL,
  ALTER COLUMN personality_traits SET DEFAULT '{}',
  ALTER COLUMN capabilities SET DEFAULT '{}',
  ALTER COLUMN is_active SET DEFAULT true,
  ALTER COLUMN is_active SET NOT NULL,
  ALTER COLUMN created_at SET DEFAULT now(),
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET DEFAULT now(),
  ALTER COLUMN updated_at SET NOT NULL,
  ADD COLUMN is_shared boolean NOT NULL DEFAULT false,
  ADD COLUMN default_key text CONSTRAINT personas_default_key_key UNIQUE,
  ADD COLUMN default_version integer;

COMMENT ON COLUMN personas.default_key IS 'Which of the personas that come with Gaia this is.';
COMMENT ON COLUMN personas.default_version IS 'The version of Gaia''s own text that it holds. NULL: somebody changed it.';

UPDATE personas SET is_shared = true WHERE created_by IS NULL;

-- A "Mu" that exists is the default from now on, with the text it has. 0 is replaced by the first version of ours.
UPDATE personas SET default_key = 'mu', default_version = CASE WHEN system_prompt = '' THEN 0 END
WHERE id = (SELECT id FROM personas WHERE created_by IS NULL AND name = 'Mu' ORDER BY created_at, id LIMIT 1);

ALTER TABLE user_persona_preferences
  ALTER COLUMN updated_at SET DEFAULT now(),
  ALTER COLUMN updated_at SET NOT NULL;

-- Keys between tables, where the earlier system had none.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT * FROM (VALUES
      ('conversations', 'user_id', 'users', 'CASCADE'),
      ('chat_messages', 'user_id', 'users', 'CASCADE'),
      ('chat_messages', 'conversation_id', 'conversations', 'CASCADE'),
      ('personas', 'created_by', 'users', 'SET NULL'),
      ('user_persona_preferences', 'user_id', 'users', 'CASCADE'),
      ('user_persona_preferences', 'persona_id', 'personas', 'CASCADE')
    ) AS keys (source, source_column, target, on_delete)
  LOOP
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT IF EXISTS %I', wanted.source,
      wanted.source || '_' || wanted.source_column || '_fkey');
    EXECUTE format('ALTER TABLE public.%I ADD CONSTRAINT %I FOREIGN KEY (%I) REFERENCES public.%I (id) ON DELETE %s',
      wanted.source, wanted.source || '_' || wanted.source_column || '_fkey', wanted.source_column, wanted.target,
      wanted.on_delete);
  END LOOP;
END
$$;

CREATE UNIQUE INDEX conversations_first_turn_id_idx ON conversations (user_id, first_turn_id);
CREATE UNIQUE INDEX chat_messages_position_idx ON chat_messages (conversation_id, position);
CREATE UNIQUE INDEX chat_messages_turn_id_idx ON chat_messages (conversation_id, turn_id, role);
CREATE UNIQUE INDEX personas_name_idx ON personas (created_by, name);
CREATE INDEX conversations_user_id_updated_at_idx ON conversations (user_id, updated_at, id);
CREATE INDEX chat_messages_user_id_idx ON chat_messages (user_id);
CREATE INDEX chat_messages_search_idx ON chat_messages USING gin (search);
CREATE INDEX personas_is_shared_idx ON personas (created_at) WHERE is_shared;
CREATE INDEX user_persona_preferences_persona_id_idx ON user_persona_preferences (persona_id);

-- Down Migration

DROP INDEX user_persona_preferences_persona_id_idx;
DROP INDEX personas_is_shared_idx;
DROP INDEX chat_messages_search_idx;
DROP INDEX chat_messages_user_id_idx;
DROP INDEX conversations_user_id_updated_at_idx;
DROP INDEX personas_name_idx;
DROP INDEX chat_messages_turn_id_idx;
DROP INDEX chat_messages_position_idx;
DROP INDEX conversations_first_turn_id_idx;

-- The earlier shape has one name for everybody: of several, the oldest keeps it.
UPDATE personas p SET name = left(name, 60) || ' ' || id
WHERE EXISTS (
  SELECT FROM personas older
  WHERE older.name = p.name AND (older.created_at, older.id) < (p.created_at, p.id)
);

-- The earlier shape shows every persona to everybody: private ones are switched off there.
UPDATE personas SET is_active = false WHERE NOT is_shared;

ALTER TABLE personas
  DROP COLUMN default_version,
  DROP COLUMN default_key,
  DROP COLUMN is_shared,
  ADD CONSTRAINT personas_name_key UNIQUE (name);

ALTER TABLE chat_messages
  DROP CONSTRAINT chat_messages_conversation_id_fkey,
  DROP COLUMN search,
  DROP COLUMN parts,
  DROP COLUMN status,
  DROP COLUMN turn_id,
  DROP COLUMN position,
  ALTER COLUMN provider TYPE varchar(50) USING left(provider, 50),
  ALTER COLUMN model TYPE varchar(100) USING left(model, 100);

ALTER TABLE conversations
  DROP COLUMN turn_expires_at,
  DROP COLUMN turn_lease,
  DROP COLUMN first_turn_id,
  DROP COLUMN is_titled,
  DROP COLUMN last_position;
