-- Up Migration

-- The application works as a role that can neither make nor change tables, and cannot rewrite the audit log. Roles
-- belong to the whole cluster: this one may exist already, other databases may use it, and on a managed Postgres the
-- migrating user may not be allowed to make it. Then the application goes on as the owner until somebody makes the role
-- and calls this function again (docs/decisions/0021).
CREATE FUNCTION grant_application_role() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gaia_app') THEN
    BEGIN
      CREATE ROLE gaia_app NOLOGIN;
    EXCEPTION
      WHEN duplicate_object OR unique_violation THEN NULL; -- Another database of this cluster was faster.
      WHEN insufficient_privilege THEN
        RAISE NOTICE 'The role gaia_app is missing, and % may not make it', current_user;
        RETURN false;
    END;
  END IF;
  GRANT USAGE ON SCHEMA public TO gaia_app;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gaia_app;
  GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO gaia_app;
  REVOKE UPDATE, DELETE ON public.audit_log FROM gaia_app;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO gaia_app;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO gaia_app;
  RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION grant_application_role() FROM PUBLIC;

SELECT grant_application_role();

-- Down Migration

-- The role stays: other databases of the cluster may use it.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'gaia_app') THEN
    ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM gaia_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM gaia_app;
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM gaia_app;
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM gaia_app;
    REVOKE USAGE ON SCHEMA public FROM gaia_app;
  END IF;
END
$$;

DROP FUNCTION grant_application_role();
