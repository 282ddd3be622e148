-- Up Migration

-- From where and for what a key may be used. NULL: no restriction, which is what every key so far has. An empty list
-- allows nothing. Origins and addresses are checked at the edge, models by the chat backend.
ALTER TABLE api_keys
  ADD COLUMN allowed_origins text[],
  ADD COLUMN allowed_ips text[],
  ADD COLUMN allowed_models text[];

COMMENT ON COLUMN api_keys.scopes IS
  'NULL: an imported key, which has the scopes in shared/identity/imported-key-scopes.ts. An empty list grants nothing.';

-- Down Migration

-- What the earlier shape cannot say must not turn into access: a restricted key is off.
UPDATE api_keys SET is_active = false
WHERE allowed_origins IS NOT NULL OR allowed_ips IS NOT NULL OR allowed_models IS NOT NULL;

COMMENT ON COLUMN api_keys.scopes IS
  'NULL: an imported key, which has the scopes in shared/db/imported-key-scopes.ts. An empty list grants nothing.';

ALTER TABLE api_keys
  DROP COLUMN allowed_origins,
  DROP COLUMN allowed_ips,
  DROP COLUMN allowed_models;
