-- Inside the database postgres of the cluster quickstart, for PostgreSQL 17. Made by pgc from the manifest; change it there.
-- Run on the leader as its superuser, after 20-databases.sql; running it again changes nothing. It connects to the database itself:
--   psql -X -d postgres -f 30-postgres.sql
\set ON_ERROR_STOP on
\connect -reuse-previous=on "dbname='postgres'"
SET client_min_messages = warning;
BEGIN;
SET LOCAL lock_timeout = '10s';
SET LOCAL search_path = public, pg_temp;

-- schema pgbouncer
CREATE SCHEMA IF NOT EXISTS "pgbouncer" AUTHORIZATION "postgres";
ALTER SCHEMA "pgbouncer" OWNER TO "postgres";

-- extension pg_stat_statements
CREATE EXTENSION IF NOT EXISTS "pg_stat_statements";

-- function pgbouncer.get_auth(text)
CREATE OR REPLACE FUNCTION pgbouncer.get_auth(IN login pg_catalog.text, OUT uname pg_catalog.text, OUT phash pg_catalog.text)
    RETURNS SETOF record
    LANGUAGE sql STABLE STRICT SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT a.rolname::pg_catalog.text, CASE WHEN a.rolvaliduntil < pg_catalog.now() THEN NULL ELSE a.rolpassword END
    FROM pg_catalog.pg_authid AS a
    WHERE a.rolname = $1 AND a.rolcanlogin AND NOT a.rolsuper AND NOT a.rolreplication
$function$;
REVOKE ALL ON FUNCTION pgbouncer.get_auth(pg_catalog.text) FROM PUBLIC;

-- function pg_catalog.pg_ls_dir(text, boolean, boolean) for rewind
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean) TO "rewind";

-- function pg_catalog.pg_read_binary_file(text) for rewind
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO "rewind";

-- function pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) for rewind
GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO "rewind";

-- function pg_catalog.pg_stat_file(text, boolean) for rewind
GRANT EXECUTE ON FUNCTION pg_catalog.pg_stat_file(text, boolean) TO "rewind";

-- function pgbouncer.get_auth(text) for pool_auth
GRANT EXECUTE ON FUNCTION pgbouncer.get_auth(text) TO "pool_auth";

-- schema pgbouncer for pool_auth
GRANT USAGE ON SCHEMA "pgbouncer" TO "pool_auth";
COMMIT;
