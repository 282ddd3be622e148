-- Up Migration

-- Databases of the earlier system differ in details that identity relies on. What is already right is not touched.
DO $$
DECLARE
  old record;
BEGIN
  FOR old IN
    SELECT table_name, column_name
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name IN ('users', 'api_keys') AND data_type = 'timestamp without time zone'
  LOOP
    -- They were written as UTC; an expiry must not depend on the time zone of whoever reads it.
    EXECUTE format(
      'ALTER TABLE public.%I ALTER COLUMN %I TYPE timestamptz USING %2$I AT TIME ZONE ''UTC''',
      old.table_name, old.column_name
    );
  END LOOP;
END
$$;

UPDATE users SET created_at = coalesce(created_at, now()), updated_at = coalesce(updated_at, created_at, now())
WHERE created_at IS NULL OR updated_at IS NULL;

-- A key of which nobody said that it is active is not.
UPDATE api_keys
SET is_active = coalesce(is_active, false),
    created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, created_at, now())
WHERE is_active IS NULL OR created_at IS NULL OR updated_at IS NULL;

ALTER TABLE users
  ALTER COLUMN id SET DEFAULT gen_random_uuid(),
  ALTER COLUMN email SET NOT NULL,
  ALTER COLUMN created_at SET DEFAULT now(),
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET DEFAULT now(),
  ALTER COLUMN updated_at SET NOT NULL,
  ADD COLUMN role text NOT NULL DEFAULT 'user' CONSTRAINT users_role_check CHECK (role IN ('user', 'admin')),
  ADD COLUMN disabled_at timestamptz;

ALTER TABLE api_keys
  ALTER COLUMN id SET DEFAULT gen_random_uuid(),
  ALTER COLUMN key_hash TYPE varchar(255), -- Some have varchar(64). Widening rewrites nothing.
  ALTER COLUMN key_hash SET NOT NULL,
  ALTER COLUMN name DROP NOT NULL,
  ALTER COLUMN permissions SET DEFAULT '{}',
  ALTER COLUMN permissions DROP NOT NULL,
  ALTER COLUMN is_active SET DEFAULT true,
  ALTER COLUMN is_active SET NOT NULL,
  ALTER COLUMN created_at SET DEFAULT now(),
  ALTER COLUMN created_at SET NOT NULL,
  ALTER COLUMN updated_at SET DEFAULT now(),
  ALTER COLUMN updated_at SET NOT NULL,
  ADD COLUMN prefix text CONSTRAINT api_keys_prefix_key UNIQUE,
  ADD COLUMN last_four text,
  ADD COLUMN environment text CONSTRAINT api_keys_environment_check CHECK (environment IN ('live', 'test', 'dev')),
  ADD COLUMN scopes text[],
  ADD COLUMN limits jsonb,
  ADD COLUMN revoked_at timestamptz;

COMMENT ON COLUMN api_keys.scopes IS
  'NULL: an imported key, which has the scopes in shared/db/imported-key-scopes.ts. An empty list grants nothing.';

CREATE INDEX IF NOT EXISTS api_keys_user_id_idx ON api_keys (user_id);

CREATE TABLE revocations (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CONSTRAINT revocations_kind_check CHECK (kind IN ('key', 'session', 'user')),
  subject_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX revocations_created_at_idx ON revocations (created_at);

-- A number is drawn before its row is visible. Without this lock a slow transaction could publish a lower number after
-- a reader has passed it, and that reader would never learn of the revocation. Taken before the number is drawn
-- (statement triggers run first) and held until commit; revocations are rare, so waiting in line costs nothing.
CREATE FUNCTION revocations_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock('public.revocations'::regclass::oid::bigint);
  RETURN NULL;
END
$$;

CREATE TRIGGER revocations_in_order BEFORE INSERT ON revocations
FOR EACH STATEMENT EXECUTE FUNCTION revocations_in_order();

-- Down Migration

-- Widened and tightened columns stay as they are: the earlier shape holds them all the same. What the earlier shape
-- cannot say must not turn into access: a key that was revoked, limited to scopes, or whose user is disabled, is off.
UPDATE api_keys SET is_active = false
WHERE revoked_at IS NOT NULL OR scopes IS NOT NULL
   OR user_id IN (SELECT id FROM users WHERE disabled_at IS NOT NULL);

DROP TABLE revocations;
DROP FUNCTION revocations_in_order();
DROP INDEX api_keys_user_id_idx;

ALTER TABLE api_keys
  DROP COLUMN prefix,
  DROP COLUMN last_four,
  DROP COLUMN environment,
  DROP COLUMN scopes,
  DROP COLUMN limits,
  DROP COLUMN revoked_at;

ALTER TABLE users
  DROP COLUMN role,
  DROP COLUMN disabled_at;
