-- Up Migration

-- What happened to keys, sessions, users and settings. Rows are only ever added: the role of the application may
-- neither change nor remove them (006_roles.sql), and no foreign key can, so that the record outlives its subjects.
CREATE TABLE audit_log (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT audit_log_id_key UNIQUE,
  at timestamptz NOT NULL DEFAULT now(),
  user_id uuid,
  actor_user_id uuid,
  actor_key_id uuid,
  actor_session_id text,
  action text NOT NULL,
  subject_kind text NOT NULL,
  subject_id text,
  before jsonb,
  after jsonb,
  request_id text,
  address text
);

COMMENT ON COLUMN audit_log.user_id IS 'Whose record this is: the owner of the subject, who may read it.';

CREATE INDEX audit_log_user_id_idx ON audit_log (user_id, sequence);

-- A rotated key keeps its id, and with it its counters. The secret before lives on until its time is over.
ALTER TABLE api_keys
  ADD COLUMN previous_hash text,
  ADD COLUMN previous_expires_at timestamptz,
  ADD COLUMN rotated_at timestamptz,
  ADD COLUMN created_by_key_id uuid;

-- Partial, since hardly any key has one: a table of a million keys pays nothing for it.
CREATE UNIQUE INDEX api_keys_previous_hash_idx ON api_keys (previous_hash) WHERE previous_hash IS NOT NULL;

-- Down Migration

DROP INDEX api_keys_previous_hash_idx;

-- Without the columns, secrets in their grace stop working, which is the safe direction.
ALTER TABLE api_keys
  DROP COLUMN previous_hash,
  DROP COLUMN previous_expires_at,
  DROP COLUMN rotated_at,
  DROP COLUMN created_by_key_id;

DROP TABLE audit_log;
