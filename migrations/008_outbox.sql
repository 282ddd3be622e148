-- Up Migration

-- Events that must not get lost: written in the transaction of what they tell, and relayed to NATS afterwards
-- (shared/events/outbox.ts). `id` is the message's name, by which consumers know a second delivery.
CREATE TABLE outbox (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT outbox_id_key UNIQUE,
  subject text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz
);

CREATE INDEX outbox_waiting_idx ON outbox (sequence) WHERE sent_at IS NULL;
CREATE INDEX outbox_created_at_idx ON outbox (created_at);

-- Asked once a second by every auth process where Supabase keeps the accounts.
CREATE INDEX users_disabled_at_idx ON users (disabled_at) WHERE disabled_at IS NOT NULL;

-- A code that sets a password: of an account that forgot its own, or of one that an administrator made.
CREATE TABLE password_codes (
  token_hash text PRIMARY KEY,
  user_id uuid NOT NULL CONSTRAINT password_codes_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
  address text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

CREATE INDEX password_codes_user_id_idx ON password_codes (user_id);

-- What the sweep of the auth backend looks for.
CREATE INDEX password_codes_expires_at_idx ON password_codes (expires_at);
CREATE INDEX email_confirmations_expires_at_idx ON email_confirmations (expires_at);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
CREATE INDEX users_unconfirmed_idx ON users (created_at) WHERE email IS NULL;

-- How often something was tried lately, one row per name: the time at which the name is all free again. Unlogged, since
-- a crash may forget it. Names are hashes, so that nobody reads addresses here.
CREATE UNLOGGED TABLE attempts (
  name text PRIMARY KEY,
  free_at timestamptz NOT NULL
);

CREATE INDEX attempts_free_at_idx ON attempts (free_at);

-- Counts one attempt under every name, or under none: then it gives the place (from 1) of the first name that has no
-- room, and the seconds until it has. Names come sorted, so that two calls cannot lock each other out.
CREATE FUNCTION take_attempts(
  names text[], costs double precision[], windows double precision[],
  OUT refused integer, OUT wait_seconds double precision
) LANGUAGE plpgsql AS $$
DECLARE
  moment timestamptz := clock_timestamp();
  cost interval;
  room interval;
BEGIN
  FOR i IN 1 .. coalesce(array_length(names, 1), 0) LOOP
    cost := make_interval(secs => costs[i]);
    room := make_interval(secs => windows[i]) - cost;
    INSERT INTO attempts AS a (name, free_at) VALUES (names[i], moment + cost)
    ON CONFLICT (name) DO UPDATE SET free_at = greatest(a.free_at, moment) + cost
    WHERE greatest(a.free_at, moment) <= moment + room;
    CONTINUE WHEN FOUND;
    refused := i;
    SELECT extract(epoch FROM a.free_at - moment - room) INTO wait_seconds FROM attempts a WHERE a.name = names[i];
    FOR j IN 1 .. i - 1 LOOP
      UPDATE attempts a SET free_at = a.free_at - make_interval(secs => costs[j]) WHERE a.name = names[j];
    END LOOP;
    RETURN;
  END LOOP;
END
$$;

-- Down Migration

DROP FUNCTION take_attempts(text[], double precision[], double precision[]);
DROP TABLE attempts;
DROP INDEX users_unconfirmed_idx;
DROP INDEX sessions_expires_at_idx;
DROP INDEX email_confirmations_expires_at_idx;
DROP TABLE password_codes;
DROP INDEX users_disabled_at_idx;
DROP TABLE outbox;
