-- Up Migration

-- A process that has many calls of one caller without a budget takes some of the caller's minute ahead, so that most of
-- them need not ask. Called for one of them, after admit_calls and under its lock. What is taken counts as used, so no
-- process can ever go over a limit with it, and it is so small a part of what is left that others hardly miss it:
-- limits that are near, or small, are asked for call by call. Zeros where it is not worth it, and for a call that wants
-- nothing ahead.
-- What the two last tell is left for everybody after that.
CREATE FUNCTION lease_minute(
  call jsonb, moment timestamptz,
  OUT leased_requests integer, OUT leased_tokens bigint, OUT unleased_requests integer, OUT unleased_tokens bigint
)
LANGUAGE plpgsql STRICT SET enable_bitmapscan = off SET enable_seqscan = off AS $$
DECLARE
  parts CONSTANT integer := 32;
  worthwhile CONSTANT integer := 8;
  c record;
  m record;
BEGIN
  SELECT * INTO c FROM jsonb_to_record(call) AS x (
    user_id uuid, key_id uuid, worst_tokens bigint, rpm integer, tpm bigint, ahead_requests integer, ahead_tokens bigint
  );
  SELECT * INTO m FROM minute_counters n
  WHERE n.minute = date_trunc('minute', moment, 'UTC') AND n.subject_id = coalesce(c.key_id, c.user_id);
  -- LEAST passes over what is NULL, which is a limit that is not there.
  leased_requests := greatest(least(c.ahead_requests, (c.rpm - m.requests) / parts), 0);
  leased_tokens := CASE WHEN c.tpm IS NULL THEN 0 ELSE greatest(least(c.ahead_tokens, (c.tpm - m.tokens) / parts), 0) END;
  IF c.ahead_requests IS NULL OR m.subject_id IS NULL
    OR leased_requests < least(c.ahead_requests, worthwhile)
    OR (c.tpm IS NOT NULL AND leased_tokens < least(c.ahead_tokens, c.worst_tokens))
  THEN
    leased_requests := 0; leased_tokens := 0;
    RETURN;
  END IF;
  UPDATE minute_counters n SET requests = n.requests + leased_requests, tokens = n.tokens + leased_tokens
  WHERE n.minute = m.minute AND n.subject_id = m.subject_id;
  unleased_requests := c.rpm - m.requests - leased_requests;
  unleased_tokens := c.tpm - m.tokens - leased_tokens;
END
$$;

-- Takes back what was leased and not needed.
CREATE FUNCTION return_minutes(returned jsonb) RETURNS void LANGUAGE plpgsql
SET enable_bitmapscan = off SET enable_seqscan = off AS $$
BEGIN
  PERFORM lock_metering(ARRAY(SELECT (e ->> 'user_id')::uuid FROM jsonb_array_elements(returned) e));
  UPDATE minute_counters m
  SET requests = greatest(m.requests - r.requests, 0), tokens = greatest(m.tokens - r.tokens, 0)
  FROM (
    SELECT x.minute, x.subject_id, sum(x.requests)::integer AS requests, sum(x.tokens)::bigint AS tokens
    FROM jsonb_to_recordset(returned) AS x (minute timestamptz, subject_id uuid, requests integer, tokens bigint)
    GROUP BY 1, 2
  ) r
  WHERE m.minute = r.minute AND m.subject_id = r.subject_id;
END
$$;

-- Down Migration

DROP FUNCTION return_minutes(jsonb);
DROP FUNCTION lease_minute(jsonb, timestamptz);
