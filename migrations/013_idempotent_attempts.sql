-- Up Migration

-- How often the request was begun, because the processes of earlier attempts died. Each attempt has an id that follows
-- from this number, so that the next one can ask what those before it have left behind.
ALTER TABLE idempotency_keys ADD COLUMN attempts integer NOT NULL DEFAULT 1;

-- Down Migration

ALTER TABLE idempotency_keys DROP COLUMN attempts;
