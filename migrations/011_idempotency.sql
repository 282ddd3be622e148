-- Up Migration

-- What became of requests with an Idempotency-Key: shared/idempotency. `id` is the SHA-256 of user and key; neither keys
-- nor bodies are kept. No foreign key: the check would cost every call a look at users, and rows live for a day.
CREATE TABLE idempotency_keys (
  id text PRIMARY KEY,
  user_id uuid NOT NULL,
  request_hash text NOT NULL,
  state text NOT NULL CONSTRAINT idempotency_keys_state_check CHECK (state IN ('running', 'done')),
  owner uuid NOT NULL,
  lease_expires_at timestamptz NOT NULL,
  is_awaited boolean NOT NULL DEFAULT false,
  status integer,
  headers jsonb,
  response bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);

COMMENT ON COLUMN idempotency_keys.response IS 'NULL in a row that is done: the answer was too large to keep.';

CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (expires_at);

-- Down Migration

DROP TABLE idempotency_keys;
