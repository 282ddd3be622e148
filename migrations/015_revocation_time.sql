-- Up Migration

-- A revocation ends the tokens that were made before it. now() is when its transaction began, and that may have waited
-- for somebody who was just making one. The lock that puts revocations in order is taken before this is evaluated, so
-- times follow the numbers.
ALTER TABLE revocations ALTER COLUMN created_at SET DEFAULT clock_timestamp();

-- Down Migration

ALTER TABLE revocations ALTER COLUMN created_at SET DEFAULT now();
