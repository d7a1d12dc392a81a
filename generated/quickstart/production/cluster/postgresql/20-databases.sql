-- Databases of the cluster quickstart, for PostgreSQL 17. Made by pgc from the manifest; change it there.
-- Run on the leader as its superuser, after 10-roles.sql; running it again changes nothing:
--   psql -X -d postgres -f 20-databases.sql
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET lock_timeout = '10s';

-- database app
SELECT pg_catalog.format('CREATE DATABASE %I OWNER %I', 'app', 'app_owner') WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = 'app') \gexec
ALTER DATABASE "app" OWNER TO "app_owner";
ALTER DATABASE "app" WITH CONNECTION LIMIT -1;
REVOKE ALL ON DATABASE "app" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE "app" TO "reporting";
GRANT CONNECT ON DATABASE "app" TO "pool_auth";
