-- Inside the database app of the cluster quickstart, for PostgreSQL 17. Made by pgc from the manifest; change it there.
-- Run on the leader as its superuser, after 20-databases.sql; running it again changes nothing. It connects to the database itself:
--   psql -X -d postgres -f 30-app.sql
\set ON_ERROR_STOP on
\connect -reuse-previous=on "dbname='app'"
SET client_min_messages = warning;
BEGIN;
SET LOCAL lock_timeout = '10s';
SET LOCAL search_path = public, pg_temp;

-- schema public
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- extension pg_stat_statements
CREATE EXTENSION IF NOT EXISTS "pg_stat_statements";

-- schema public for reporting
GRANT USAGE ON SCHEMA "public" TO "reporting";

-- sequences of schema public for reporting
GRANT SELECT ON ALL SEQUENCES IN SCHEMA "public" TO "reporting";
ALTER DEFAULT PRIVILEGES FOR ROLE "app" IN SCHEMA "public" GRANT SELECT ON SEQUENCES TO "reporting";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" GRANT SELECT ON SEQUENCES TO "reporting";

-- tables of schema public for reporting
GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "reporting";
ALTER DEFAULT PRIVILEGES FOR ROLE "app" IN SCHEMA "public" GRANT SELECT ON TABLES TO "reporting";
ALTER DEFAULT PRIVILEGES FOR ROLE "app_owner" IN SCHEMA "public" GRANT SELECT ON TABLES TO "reporting";
COMMIT;
