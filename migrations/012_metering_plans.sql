-- Up Migration

-- Reservations come and go by the thousand, and only plain index scans remember which entries are dead: with bitmap scans
-- each admission reads all that were ever there since the last vacuum, and a busy key gets slower by the second. Plans
-- are made when a connection is new and these tables are small, so sequential scans are no choice either.
ALTER FUNCTION admit_calls(jsonb, double precision) SET enable_bitmapscan = off;
ALTER FUNCTION admit_calls(jsonb, double precision) SET enable_seqscan = off;
ALTER FUNCTION record_calls(jsonb) SET enable_bitmapscan = off;
ALTER FUNCTION record_calls(jsonb) SET enable_seqscan = off;

-- Down Migration

ALTER FUNCTION record_calls(jsonb) RESET enable_seqscan;
ALTER FUNCTION record_calls(jsonb) RESET enable_bitmapscan;
ALTER FUNCTION admit_calls(jsonb, double precision) RESET enable_seqscan;
ALTER FUNCTION admit_calls(jsonb, double precision) RESET enable_bitmapscan;
