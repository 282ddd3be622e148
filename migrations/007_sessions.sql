-- Up Migration

-- An address belongs to an account once its mailbox has confirmed so. Until then the account has none (NULL), and any
-- number of accounts may wait for the same one: see docs/decisions/0020.
ALTER TABLE users
  ALTER COLUMN email DROP NOT NULL,
  ADD COLUMN email_confirmed_at timestamptz,
  ADD COLUMN is_email_shadowed boolean NOT NULL DEFAULT false;

-- Databases of the earlier system may hold one address in several spellings. All of them stay, with their keys; the
-- oldest is the one that the address, however it is spelled, means from now on.
UPDATE users u SET is_email_shadowed = true
WHERE EXISTS (
  SELECT FROM users older
  WHERE lower(older.email) = lower(u.email) AND (older.created_at, older.id) < (u.created_at, u.id)
);

CREATE UNIQUE INDEX users_email_lower_idx ON users (lower(email)) WHERE NOT is_email_shadowed;

-- One salt for all passwords that were ever given with an address, so that a log-in costs one hash however many
-- accounts wait for it, and takes the same time for every address.
CREATE TABLE password_salts (
  address text PRIMARY KEY,
  salt bytea NOT NULL
);

CREATE TABLE credentials (
  user_id uuid PRIMARY KEY CONSTRAINT credentials_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  address text NOT NULL,
  email text NOT NULL,
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON COLUMN credentials.address IS 'The lower-case form of email, which people log in with.';

CREATE INDEX credentials_address_idx ON credentials (address, created_at);

CREATE TABLE email_confirmations (
  token_hash text PRIMARY KEY,
  user_id uuid NOT NULL CONSTRAINT email_confirmations_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  address text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

CREATE INDEX email_confirmations_user_id_idx ON email_confirmations (user_id);
CREATE INDEX email_confirmations_address_idx ON email_confirmations (address);

-- A session is a family of refresh tokens, of which one is good: the last that was given out.
CREATE TABLE sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL CONSTRAINT sessions_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  family_hash text NOT NULL CONSTRAINT sessions_family_hash_key UNIQUE,
  current_hash text NOT NULL,
  previous_hash text,
  previous_until timestamptz,
  successor_salt bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  user_agent text,
  address text
);

CREATE INDEX sessions_user_id_idx ON sessions (user_id);

-- What was revoked of one session or user, for those who look at a single token.
CREATE INDEX revocations_subject_id_idx ON revocations (subject_id);

-- Down Migration

DROP INDEX revocations_subject_id_idx;
DROP TABLE sessions;
DROP TABLE email_confirmations;
DROP TABLE credentials;
DROP TABLE password_salts;
DROP INDEX users_email_lower_idx;

-- The earlier shape demands an address. `.invalid` is nobody's, by RFC 2606.
UPDATE users SET email = id || '@unconfirmed.invalid' WHERE email IS NULL;

ALTER TABLE users
  ALTER COLUMN email SET NOT NULL,
  DROP COLUMN email_confirmed_at,
  DROP COLUMN is_email_shadowed;
