-- Up Migration

-- Tells whoever keeps the feed in memory that there is more to read. A hint: readers also look once a second, so
-- nothing depends on its arrival. Delivered at commit, and once per transaction.
CREATE FUNCTION revocations_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('gaia_revocations', '');
  RETURN NULL;
END
$$;

CREATE TRIGGER revocations_notify AFTER INSERT ON revocations
FOR EACH STATEMENT EXECUTE FUNCTION revocations_notify();

-- Down Migration

DROP TRIGGER revocations_notify ON revocations;
DROP FUNCTION revocations_notify();
