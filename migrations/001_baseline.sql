-- Up Migration

-- The tables that databases of the earlier system have, so that such a database is taken over as it is: a table that
-- exists is left alone. Whatever this system adds comes in later files.

CREATE TABLE IF NOT EXISTS users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  email varchar(255) NOT NULL UNIQUE,
  name varchar(255),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS api_keys (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES users (id) ON DELETE CASCADE,
  key_hash varchar(255) NOT NULL UNIQUE,
  name varchar(255),
  permissions jsonb DEFAULT '{}',
  is_active boolean NOT NULL DEFAULT true,
  expires_at timestamptz,
  last_used_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS conversations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES users (id) ON DELETE CASCADE,
  title varchar(255) DEFAULT 'New Conversation',
  preview text,
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS chat_messages (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES users (id) ON DELETE CASCADE,
  conversation_id uuid,
  role varchar(50) NOT NULL,
  content text NOT NULL,
  model varchar(100),
  provider varchar(50),
  tokens_used integer,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS personas (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(100) NOT NULL UNIQUE,
  description text,
  system_prompt text NOT NULL,
  personality_traits jsonb DEFAULT '{}',
  capabilities jsonb DEFAULT '{}',
  is_active boolean NOT NULL DEFAULT true,
  created_by uuid REFERENCES users (id) ON DELETE SET NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS user_persona_preferences (
  user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
  persona_id uuid REFERENCES personas (id) ON DELETE CASCADE,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS asset_sources (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name varchar(100) NOT NULL UNIQUE,
  rate_limit_per_minute integer,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS assets (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  category varchar(50) NOT NULL,
  title varchar(255) NOT NULL,
  description text,
  style_tags text[],
  file_url text,
  storage_type varchar(20) CHECK (storage_type IN ('supabase', 'external', 'generated')),
  file_size_mb numeric(10, 2),
  file_format varchar(20),
  preview_image_url text,
  quality_score numeric(3, 2) CHECK (quality_score BETWEEN 0 AND 1),
  download_count integer NOT NULL DEFAULT 0,
  license_type varchar(30)
    CHECK (license_type IN ('creative_commons', 'public_domain', 'custom', 'commercial', 'proprietary')),
  attribution_required boolean NOT NULL DEFAULT false,
  metadata jsonb DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS asset_generations (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES users (id) ON DELETE CASCADE,
  asset_id uuid REFERENCES assets (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS asset_modifications (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES users (id) ON DELETE CASCADE,
  asset_id uuid REFERENCES assets (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS asset_usage (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid REFERENCES users (id) ON DELETE CASCADE,
  asset_id uuid REFERENCES assets (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Down Migration

-- Going below the baseline means an empty database. It never destroys data: one row anywhere and nothing is dropped.
DO $$
DECLARE
  name text;
  is_filled boolean;
  names CONSTANT text[] := ARRAY[
    'asset_usage', 'asset_modifications', 'asset_generations', 'assets', 'asset_sources',
    'user_persona_preferences', 'personas', 'chat_messages', 'conversations', 'api_keys', 'users'
  ];
BEGIN
  FOREACH name IN ARRAY names LOOP
    CONTINUE WHEN to_regclass(format('public.%I', name)) IS NULL;
    -- Locked first, so that no row can arrive between the question and the DROP.
    EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', name);
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', name) INTO is_filled;
    IF is_filled THEN
      RAISE EXCEPTION 'The table % holds rows, and undoing the baseline would destroy them.', name
        USING HINT = 'To go back to an earlier state, restore a backup taken then (scripts/restore-database.sh).';
    END IF;
  END LOOP;
  FOREACH name IN ARRAY names LOOP
    EXECUTE format('DROP TABLE IF EXISTS public.%I', name);
  END LOOP;
END
$$;
