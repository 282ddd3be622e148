-- Up Migration

-- What calls cost and what callers may spend. Everything on the path of a call happens in two functions, one round trip
-- each and a whole batch at a time: admit_calls before the calls, record_calls after them. Both take one advisory lock
-- per user, in order, so that a user's counters have one writer at a time and no two processes can deadlock.

-- One row per call that was made, at most 300 bytes. `at` is when it was admitted; status: 0 completed, 1 failed,
-- 2 broken, 3 cancelled, 4 lost (its process died). No foreign keys: the record outlives users and keys.
CREATE TABLE usage_events (
  at timestamptz NOT NULL,
  call_id uuid NOT NULL,
  user_id uuid NOT NULL,
  key_id uuid,
  cost_micros bigint NOT NULL,
  input_tokens integer NOT NULL,
  cached_input_tokens integer NOT NULL,
  cache_write_tokens integer NOT NULL,
  output_tokens integer NOT NULL,
  price_version integer NOT NULL,
  duration_ms integer NOT NULL,
  first_byte_ms integer,
  status smallint NOT NULL CONSTRAINT usage_events_status_check CHECK (status BETWEEN 0 AND 4),
  is_estimated boolean NOT NULL,
  is_fallback boolean NOT NULL,
  operation text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  error_code text,
  request_id text NOT NULL,
  CONSTRAINT usage_events_pkey PRIMARY KEY (at, call_id)
) PARTITION BY RANGE (at);

CREATE INDEX usage_events_user_id_idx ON usage_events (user_id, at);
CREATE INDEX usage_events_key_id_idx ON usage_events (key_id, at);

-- So that an event is never refused for lack of a partition.
CREATE TABLE usage_events_default PARTITION OF usage_events DEFAULT;

-- The same events added up by UTC day: what reports read and new budget windows start from, however many calls there
-- were. It stays when the events of a month are dropped. Lost calls are not in it.
CREATE TABLE usage_days (
  user_id uuid NOT NULL,
  key_id uuid,
  day date NOT NULL,
  operation text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  calls bigint NOT NULL,
  failed_calls bigint NOT NULL,
  cancelled_calls bigint NOT NULL,
  input_tokens bigint NOT NULL,
  cached_input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_micros bigint NOT NULL,
  CONSTRAINT usage_days_subject_key UNIQUE NULLS NOT DISTINCT (user_id, day, key_id, operation, provider, model)
);

-- A table without a primary key says itself what logical replication knows its rows by.
ALTER TABLE usage_days REPLICA IDENTITY FULL;

CREATE INDEX usage_days_key_id_idx ON usage_days (key_id, day);

-- limit_micros NULL: the budget was taken back. changed_in lets readers ask for what they have not seen, exactly: what
-- the oldest transaction that ran when they last looked, or a later one, has changed.
CREATE TABLE budgets (
  subject_kind text NOT NULL CONSTRAINT budgets_subject_kind_check CHECK (subject_kind IN ('key', 'user')),
  subject_id uuid NOT NULL,
  period text NOT NULL CONSTRAINT budgets_period_check CHECK (period IN ('day', 'month', 'total')),
  limit_micros bigint CONSTRAINT budgets_limit_micros_check CHECK (limit_micros >= 0),
  changed_at timestamptz NOT NULL DEFAULT now(),
  changed_in xid8 NOT NULL DEFAULT pg_current_xact_id()
);

-- Not a primary key, because drizzle's check of the schema cannot read one of two columns.
CREATE UNIQUE INDEX budgets_subject_idx ON budgets (subject_kind, subject_id);
ALTER TABLE budgets REPLICA IDENTITY USING INDEX budgets_subject_idx;

CREATE INDEX budgets_changed_in_idx ON budgets (changed_in);

CREATE FUNCTION stamp_budget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := now();
  NEW.changed_in := pg_current_xact_id();
  RETURN NEW;
END
$$;

CREATE TRIGGER stamp_budget BEFORE INSERT OR UPDATE ON budgets FOR EACH ROW EXECUTE FUNCTION stamp_budget();

-- What was spent since a window began, kept only for subjects that had a budget in it. Made from usage_days when first
-- needed, so that a budget given in mid-month counts what was spent before.
CREATE TABLE budget_windows (
  subject_kind text NOT NULL,
  subject_id uuid NOT NULL,
  period text NOT NULL,
  starts_at timestamptz NOT NULL,
  spent_micros bigint NOT NULL,
  CONSTRAINT budget_windows_pkey PRIMARY KEY (subject_kind, subject_id, period, starts_at)
);

-- What is held back for calls that run. Nothing counts them but the rows themselves, so no counter can drift, and one
-- that has expired holds nothing back, swept or not. tokens NULL: not counted against tokens a minute.
CREATE TABLE reservations (
  call_id uuid CONSTRAINT reservations_pkey PRIMARY KEY,
  user_id uuid NOT NULL,
  key_id uuid,
  micros bigint NOT NULL,
  tokens bigint,
  at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE INDEX reservations_user_id_idx ON reservations (user_id);
CREATE INDEX reservations_expires_at_idx ON reservations (expires_at);

-- Calls and tokens of a UTC minute. The subject is the key, or the user where a session is limited.
CREATE TABLE minute_counters (
  minute timestamptz NOT NULL,
  subject_id uuid NOT NULL,
  requests integer NOT NULL,
  tokens bigint NOT NULL,
  CONSTRAINT minute_counters_pkey PRIMARY KEY (minute, subject_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE FUNCTION lock_metering(users uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(place)
  FROM (SELECT DISTINCT hashtextextended(u::text, 9) AS place FROM unnest(users) u ORDER BY 1) places;
END
$$;

CREATE FUNCTION budget_starts_at(period text, moment timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT CASE period
    WHEN 'day' THEN date_trunc('day', moment, 'UTC')
    WHEN 'month' THEN date_trunc('month', moment, 'UTC')
    ELSE timestamptz 'epoch'
  END;
$$;

-- Rounded up, so that who waits this long does not come too early. NULL: never by itself.
CREATE FUNCTION budget_wait_seconds(period text, moment timestamptz) RETURNS integer LANGUAGE sql STABLE AS $$
  SELECT CASE period
    WHEN 'day' THEN ceil(extract(epoch FROM date_trunc('day', moment, 'UTC') + interval '24 hours' - moment))
    WHEN 'month' THEN ceil(extract(epoch FROM
      (date_trunc('month', moment AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC' - moment))
  END::integer;
$$;

-- Called with the user's lock held, so nothing can be recorded between the sum and the row that continues it.
CREATE FUNCTION open_budget_window(kind text, id uuid, a_period text, start timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  first_day date := (start AT TIME ZONE 'UTC')::date;
  spent bigint;
BEGIN
  IF kind = 'key' THEN
    SELECT coalesce(sum(d.cost_micros), 0) INTO spent FROM usage_days d WHERE d.key_id = id AND d.day >= first_day;
  ELSE
    SELECT coalesce(sum(d.cost_micros), 0) INTO spent FROM usage_days d WHERE d.user_id = id AND d.day >= first_day;
  END IF;
  INSERT INTO budget_windows VALUES (kind, id, a_period, start, spent) ON CONFLICT DO NOTHING;
  RETURN spent;
END
$$;

-- Answers one row per call, in their order: admitted, or why not. `least` is what a call takes when it cannot have its
-- worst; what it was granted lies between the two and is held back until record_calls or for the lease.
CREATE FUNCTION admit_calls(calls jsonb, lease_seconds double precision) RETURNS TABLE (
  admitted_at timestamptz, refusal text, wait_seconds integer, granted_micros bigint, granted_tokens bigint,
  rpm_left integer, tpm_left bigint, minute_seconds integer, is_reserved boolean, is_budgeted boolean,
  budget_kind text, budget_period text, budget_limit_micros bigint
) LANGUAGE plpgsql AS $$
DECLARE
  c record;
  b record;
  this_minute timestamptz;
  subject uuid;
  used_requests integer;
  used_tokens bigint;
  room bigint;
BEGIN
  PERFORM lock_metering(ARRAY(SELECT (e ->> 'user_id')::uuid FROM jsonb_array_elements(calls) e));
  -- Milliseconds are what callers can say back. Read under the lock: the order of admissions is the order of times.
  admitted_at := date_trunc('milliseconds', clock_timestamp());
  this_minute := date_trunc('minute', admitted_at, 'UTC');
  minute_seconds := ceil(extract(epoch FROM this_minute + interval '1 minute' - admitted_at));

  FOR c IN
    SELECT * FROM jsonb_to_recordset(calls) AS x (
      call_id uuid, user_id uuid, key_id uuid, worst_micros bigint, least_micros bigint,
      worst_tokens bigint, least_tokens bigint, rpm integer, tpm bigint, concurrency integer
    )
  LOOP
    refusal := NULL; wait_seconds := NULL; rpm_left := NULL; tpm_left := NULL;
    is_reserved := false; is_budgeted := false;
    budget_kind := NULL; budget_period := NULL; budget_limit_micros := NULL;
    granted_micros := c.worst_micros; granted_tokens := c.worst_tokens;
    subject := coalesce(c.key_id, c.user_id);

    IF c.rpm IS NOT NULL OR c.tpm IS NOT NULL THEN
      SELECT coalesce(max(m.requests), 0), coalesce(max(m.tokens), 0) INTO used_requests, used_tokens
      FROM minute_counters m WHERE m.minute = this_minute AND m.subject_id = subject;
      rpm_left := greatest(c.rpm - used_requests, 0);
      tpm_left := CASE WHEN c.tpm IS NOT NULL THEN greatest(c.tpm - used_tokens, 0) END;
      granted_tokens := least(granted_tokens, tpm_left);
      IF c.rpm IS NOT NULL AND rpm_left = 0 THEN refusal := 'rpm';
      ELSIF granted_tokens < c.least_tokens THEN refusal := 'tpm';
      END IF;
      rpm_left := CASE WHEN c.rpm IS NOT NULL THEN rpm_left END;
      IF refusal IS NOT NULL THEN wait_seconds := minute_seconds; END IF;
    END IF;

    IF refusal IS NULL AND c.concurrency IS NOT NULL AND c.concurrency <= (
      SELECT count(*) FROM reservations r
      WHERE r.user_id = c.user_id AND r.key_id IS NOT DISTINCT FROM c.key_id AND r.expires_at > admitted_at
    ) THEN
      refusal := 'concurrency'; wait_seconds := 1;
    END IF;

    -- Told in every case, since callers learn from it who has a budget.
    FOR b IN
      SELECT g.subject_kind, g.subject_id, g.period, g.limit_micros, s.starts_at, w.spent_micros
      FROM budgets g
      CROSS JOIN LATERAL (SELECT budget_starts_at(g.period, admitted_at) AS starts_at) s
      LEFT JOIN budget_windows w
        ON w.subject_kind = g.subject_kind AND w.subject_id = g.subject_id
        AND w.period = g.period AND w.starts_at = s.starts_at
      WHERE g.limit_micros IS NOT NULL
        AND ((g.subject_kind = 'key' AND g.subject_id = c.key_id) OR (g.subject_kind = 'user' AND g.subject_id = c.user_id))
      ORDER BY g.subject_kind
    LOOP
      is_budgeted := true;
      CONTINUE WHEN refusal IS NOT NULL;
      IF b.spent_micros IS NULL THEN
        b.spent_micros := open_budget_window(b.subject_kind, b.subject_id, b.period, b.starts_at);
      END IF;
      SELECT greatest(b.limit_micros - b.spent_micros - coalesce(sum(r.micros), 0), 0) INTO room
      FROM reservations r
      WHERE r.user_id = c.user_id AND (b.subject_kind = 'user' OR r.key_id = c.key_id)
        AND r.expires_at > admitted_at AND r.at >= b.starts_at;
      granted_micros := least(granted_micros, room);
      CONTINUE WHEN room >= c.least_micros;
      -- Held by calls that still run, which may cost less than that, or spent.
      refusal := CASE WHEN b.spent_micros + c.least_micros <= b.limit_micros THEN 'held' ELSE 'budget' END;
      wait_seconds := CASE refusal WHEN 'held' THEN 1 ELSE budget_wait_seconds(b.period, admitted_at) END;
      budget_kind := b.subject_kind; budget_period := b.period; budget_limit_micros := b.limit_micros;
    END LOOP;

    IF refusal IS NOT NULL THEN
      granted_micros := 0; granted_tokens := 0;
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF c.rpm IS NOT NULL OR c.tpm IS NOT NULL THEN
      INSERT INTO minute_counters AS m (minute, subject_id, requests, tokens)
      VALUES (this_minute, subject, 1, CASE WHEN c.tpm IS NULL THEN 0 ELSE granted_tokens END)
      ON CONFLICT (minute, subject_id)
      DO UPDATE SET requests = m.requests + 1, tokens = m.tokens + excluded.tokens;
      rpm_left := rpm_left - 1; tpm_left := tpm_left - granted_tokens;
    END IF;
    IF is_budgeted OR c.tpm IS NOT NULL OR c.concurrency IS NOT NULL THEN
      INSERT INTO reservations (call_id, user_id, key_id, micros, tokens, at, expires_at)
      VALUES (
        c.call_id, c.user_id, c.key_id, granted_micros, CASE WHEN c.tpm IS NOT NULL THEN granted_tokens END,
        admitted_at, admitted_at + make_interval(secs => lease_seconds)
      );
      is_reserved := true;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;

-- Writes down calls that are over and gives back what was held for them. Saying a call twice changes nothing, and one
-- that was taken for lost becomes what it really was. A charge belongs to the windows in which its call was admitted.
CREATE FUNCTION record_calls(calls jsonb) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  recorded_count integer;
BEGIN
  PERFORM lock_metering(ARRAY(SELECT (e ->> 'user_id')::uuid FROM jsonb_array_elements(calls) e));
  WITH input AS MATERIALIZED (
    SELECT DISTINCT ON (x.at, x.call_id) *
    FROM jsonb_to_recordset(calls) AS x (
      at timestamptz, call_id uuid, user_id uuid, key_id uuid, cost_micros bigint, input_tokens integer,
      cached_input_tokens integer, cache_write_tokens integer, output_tokens integer, price_version integer,
      duration_ms integer, first_byte_ms integer, status smallint, is_estimated boolean, is_fallback boolean,
      operation text, provider text, model text, error_code text, request_id text
    )
  ), released AS (
    DELETE FROM reservations r USING input i WHERE r.call_id = i.call_id
    RETURNING date_trunc('minute', r.at, 'UTC') AS minute, coalesce(r.key_id, r.user_id) AS subject_id,
      i.input_tokens::bigint + i.output_tokens - r.tokens AS excess
  ), corrected AS (
    UPDATE minute_counters m SET tokens = greatest(m.tokens + e.excess, 0)
    FROM (SELECT minute, subject_id, sum(excess) AS excess FROM released GROUP BY 1, 2) e
    WHERE m.minute = e.minute AND m.subject_id = e.subject_id AND e.excess IS NOT NULL
  ), recorded AS (
    INSERT INTO usage_events AS u (
      at, call_id, user_id, key_id, cost_micros, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
      price_version, duration_ms, first_byte_ms, status, is_estimated, is_fallback, operation, provider, model,
      error_code, request_id
    )
    SELECT
      at, call_id, user_id, key_id, cost_micros, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
      price_version, duration_ms, first_byte_ms, status, is_estimated, is_fallback, left(operation, 16),
      left(provider, 32), left(model, 56), left(error_code, 20), left(request_id, 40)
    FROM input
    ON CONFLICT (at, call_id) DO UPDATE SET
      cost_micros = excluded.cost_micros, input_tokens = excluded.input_tokens,
      cached_input_tokens = excluded.cached_input_tokens, cache_write_tokens = excluded.cache_write_tokens,
      output_tokens = excluded.output_tokens, price_version = excluded.price_version,
      duration_ms = excluded.duration_ms, first_byte_ms = excluded.first_byte_ms, status = excluded.status,
      is_estimated = excluded.is_estimated, is_fallback = excluded.is_fallback, operation = excluded.operation,
      provider = excluded.provider, model = excluded.model, error_code = excluded.error_code,
      request_id = excluded.request_id
    WHERE u.status = 4
    RETURNING u.*
  ), charged AS (
    UPDATE budget_windows w SET spent_micros = w.spent_micros + s.micros
    FROM (
      SELECT k.kind, k.id, p.period, budget_starts_at(p.period, r.at) AS starts_at, sum(r.cost_micros) AS micros
      FROM recorded r
      CROSS JOIN LATERAL (VALUES ('key', r.key_id), ('user', r.user_id)) k (kind, id)
      CROSS JOIN (VALUES ('day'), ('month'), ('total')) p (period)
      WHERE r.cost_micros > 0
      GROUP BY 1, 2, 3, 4
    ) s
    WHERE w.subject_kind = s.kind AND w.subject_id = s.id AND w.period = s.period AND w.starts_at = s.starts_at
  ), added_up AS (
    INSERT INTO usage_days AS d (
      user_id, key_id, day, operation, provider, model, calls, failed_calls, cancelled_calls, input_tokens,
      cached_input_tokens, output_tokens, cost_micros
    )
    SELECT
      user_id, key_id, (at AT TIME ZONE 'UTC')::date, operation, provider, model, count(*),
      count(*) FILTER (WHERE status IN (1, 2)), count(*) FILTER (WHERE status = 3), sum(input_tokens),
      sum(cached_input_tokens), sum(output_tokens), sum(cost_micros)
    FROM recorded GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT ON CONSTRAINT usage_days_subject_key DO UPDATE SET
      calls = d.calls + excluded.calls, failed_calls = d.failed_calls + excluded.failed_calls,
      cancelled_calls = d.cancelled_calls + excluded.cancelled_calls,
      input_tokens = d.input_tokens + excluded.input_tokens,
      cached_input_tokens = d.cached_input_tokens + excluded.cached_input_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens, cost_micros = d.cost_micros + excluded.cost_micros
  )
  SELECT count(*) INTO recorded_count FROM recorded;
  RETURN recorded_count;
END
$$;

-- Takes expired reservations away, each once whoever else does the same, and records their calls as lost.
CREATE FUNCTION sweep_reservations(at_most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  swept integer;
BEGIN
  WITH expired AS MATERIALIZED (
    SELECT call_id FROM reservations WHERE expires_at <= clock_timestamp()
    ORDER BY expires_at LIMIT at_most FOR UPDATE SKIP LOCKED
  ), gone AS (
    DELETE FROM reservations r USING expired e WHERE r.call_id = e.call_id RETURNING r.*
  ), recorded AS (
    INSERT INTO usage_events (
      at, call_id, user_id, key_id, cost_micros, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
      price_version, duration_ms, status, is_estimated, is_fallback, operation, provider, model, request_id
    )
    SELECT at, call_id, user_id, key_id, 0, 0, 0, 0, 0, 0, 0, 4, true, false, '', '', '', '' FROM gone
    ON CONFLICT DO NOTHING
  )
  SELECT count(*) INTO swept FROM gone;
  RETURN swept;
END
$$;

-- Mirrors the budget of a key. One that nobody can read allows nothing, and never keeps a key from being written.
CREATE FUNCTION set_key_budget(key uuid, budget jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  usd numeric := CASE WHEN jsonb_typeof(budget -> 'usd') = 'number' THEN (budget ->> 'usd')::numeric END;
  is_readable boolean := coalesce(usd BETWEEN 0 AND 1000000000 AND budget ->> 'window' IN ('day', 'month', 'total'), false);
BEGIN
  IF budget IS NULL OR jsonb_typeof(budget) = 'null' THEN
    UPDATE budgets SET limit_micros = NULL
    WHERE subject_kind = 'key' AND subject_id = key AND limit_micros IS NOT NULL;
    RETURN;
  END IF;
  INSERT INTO budgets AS b (subject_kind, subject_id, period, limit_micros)
  VALUES (
    'key', key, CASE WHEN is_readable THEN budget ->> 'window' ELSE 'total' END,
    CASE WHEN is_readable THEN floor(usd * 1000000)::bigint ELSE 0 END
  )
  ON CONFLICT (subject_kind, subject_id) DO UPDATE SET period = excluded.period, limit_micros = excluded.limit_micros
  WHERE (b.period, b.limit_micros) IS DISTINCT FROM (excluded.period, excluded.limit_micros);
END
$$;

CREATE FUNCTION mirror_key_budget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    PERFORM set_key_budget(OLD.id, NULL);
  ELSE
    PERFORM set_key_budget(NEW.id, NEW.limits -> 'budget');
  END IF;
  RETURN NULL;
END
$$;

CREATE TRIGGER mirror_key_budget AFTER INSERT OR UPDATE OF limits OR DELETE ON api_keys
FOR EACH ROW EXECUTE FUNCTION mirror_key_budget();

SELECT set_key_budget(id, limits -> 'budget') FROM api_keys WHERE limits -> 'budget' IS NOT NULL;

-- The application may not make or drop tables, but it may ask for these two things. Gives the number of new partitions:
-- this month's and those of the months ahead. Rows that came to the default partition meanwhile move over.
CREATE FUNCTION make_usage_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
  starts timestamp;
  partition text;
  made integer := 0;
BEGIN
  IF months_ahead NOT BETWEEN 0 AND 24 THEN RAISE EXCEPTION 'between 0 and 24 months ahead, not %', months_ahead; END IF;
  -- Another process is at it.
  IF NOT pg_try_advisory_xact_lock('public.usage_events'::regclass::oid::bigint) THEN RETURN 0; END IF;
  FOR i IN 0 .. months_ahead LOOP
    starts := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i);
    partition := to_char(starts, '"usage_events_"YYYYMM');
    CONTINUE WHEN to_regclass('public.' || partition) IS NOT NULL;
    IF made = 0 THEN
      LOCK TABLE ONLY public.usage_events IN SHARE UPDATE EXCLUSIVE MODE;
      LOCK TABLE public.usage_events_default IN ACCESS EXCLUSIVE MODE;
    END IF;
    EXECUTE format('CREATE TABLE public.%I (LIKE public.usage_events INCLUDING ALL)', partition);
    EXECUTE format(
      'WITH moved AS (DELETE FROM public.usage_events_default WHERE at >= %L AND at < %L RETURNING *)
       INSERT INTO public.%I SELECT * FROM moved',
      starts AT TIME ZONE 'UTC', (starts + interval '1 month') AT TIME ZONE 'UTC', partition
    );
    EXECUTE format(
      'ALTER TABLE public.usage_events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
      partition, starts AT TIME ZONE 'UTC', (starts + interval '1 month') AT TIME ZONE 'UTC'
    );
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;

-- Drops the partitions that ended more than so many months before this one began, and gives their number. This month
-- and the two before it are never touched, whatever is asked for.
CREATE FUNCTION drop_usage_partitions(months_kept integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
  first_kept timestamp := date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => months_kept);
  partition text;
  dropped integer := 0;
BEGIN
  IF months_kept NOT BETWEEN 2 AND 1200 THEN RAISE EXCEPTION 'at least 2 months are kept, not %', months_kept; END IF;
  IF NOT pg_try_advisory_xact_lock('public.usage_events'::regclass::oid::bigint) THEN RETURN 0; END IF;
  FOR partition IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'public.usage_events'::regclass AND c.relname ~ '^usage_events_\d{6}$'
      AND to_date(right(c.relname, 6), 'YYYYMM') < first_kept
    ORDER BY c.relname
  LOOP
    EXECUTE format('DROP TABLE public.%I', partition);
    dropped := dropped + 1;
  END LOOP;
  DELETE FROM public.usage_events_default WHERE at < first_kept AT TIME ZONE 'UTC';
  RETURN dropped;
END
$$;

SELECT make_usage_partitions(2);

-- These two work with their owner's rights, so nobody else may call them.
REVOKE EXECUTE ON FUNCTION make_usage_partitions(integer), drop_usage_partitions(integer) FROM PUBLIC;

ALTER FUNCTION grant_application_role() RENAME TO grant_application_tables;

CREATE FUNCTION grant_application_role() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT public.grant_application_tables() THEN RETURN false; END IF;
  GRANT EXECUTE ON FUNCTION public.make_usage_partitions(integer), public.drop_usage_partitions(integer) TO gaia_app;
  RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION grant_application_role() FROM PUBLIC;

SELECT grant_application_role();

-- Down Migration

DROP FUNCTION grant_application_role();
ALTER FUNCTION grant_application_tables() RENAME TO grant_application_role;
DROP FUNCTION drop_usage_partitions(integer);
DROP FUNCTION make_usage_partitions(integer);
DROP TRIGGER mirror_key_budget ON api_keys;
DROP FUNCTION mirror_key_budget();
DROP FUNCTION set_key_budget(uuid, jsonb);
DROP FUNCTION sweep_reservations(integer);
DROP FUNCTION record_calls(jsonb);
DROP FUNCTION admit_calls(jsonb, double precision);
DROP FUNCTION open_budget_window(text, uuid, text, timestamptz);
DROP FUNCTION budget_wait_seconds(text, timestamptz);
DROP FUNCTION budget_starts_at(text, timestamptz);
DROP FUNCTION lock_metering(uuid[]);
DROP TABLE minute_counters;
DROP TABLE reservations;
DROP TABLE budget_windows;
DROP TABLE budgets;
DROP FUNCTION stamp_budget();
DROP TABLE usage_days;
DROP TABLE usage_events;
