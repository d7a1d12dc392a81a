-- Roles of the cluster quickstart, for PostgreSQL 17. Made by pgc from the manifest; change it there.
-- Run on the leader as its superuser; running it again changes nothing:
--   psql -X -d postgres -f 10-roles.sql
-- Passwords are set by 15-passwords.sql.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
BEGIN;
SET LOCAL lock_timeout = '10s';

-- role app
SELECT pg_catalog.format('CREATE ROLE %I', 'app') WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'app') \gexec
ALTER ROLE "app" WITH LOGIN NOSUPERUSER NOREPLICATION NOCREATEDB NOCREATEROLE CONNECTION LIMIT 40;
ALTER ROLE "app" SET "idle_in_transaction_session_timeout" TO '1min';
ALTER ROLE "app" SET "lock_timeout" TO '10s';
ALTER ROLE "app" SET "statement_timeout" TO '1min';

-- role app_owner
SELECT pg_catalog.format('CREATE ROLE %I', 'app_owner') WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'app_owner') \gexec
ALTER ROLE "app_owner" WITH NOLOGIN NOSUPERUSER NOREPLICATION NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1;

-- role pool_auth
SELECT pg_catalog.format('CREATE ROLE %I', 'pool_auth') WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'pool_auth') \gexec
ALTER ROLE "pool_auth" WITH LOGIN NOSUPERUSER NOREPLICATION NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1;

-- role postgres
SELECT pg_catalog.format('CREATE ROLE %I', 'postgres') WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'postgres') \gexec
ALTER ROLE "postgres" WITH SUPERUSER LOGIN CONNECTION LIMIT -1;

-- role replicator
SELECT pg_catalog.format('CREATE ROLE %I', 'replicator') WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'replicator') \gexec
ALTER ROLE "replicator" WITH LOGIN NOSUPERUSER REPLICATION NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1;

-- role reporting
SELECT pg_catalog.format('CREATE ROLE %I', 'reporting') WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'reporting') \gexec
ALTER ROLE "reporting" WITH LOGIN NOSUPERUSER NOREPLICATION NOCREATEDB NOCREATEROLE CONNECTION LIMIT 10;
ALTER ROLE "reporting" SET "idle_in_transaction_session_timeout" TO '1min';
ALTER ROLE "reporting" SET "lock_timeout" TO '10s';
ALTER ROLE "reporting" SET "statement_timeout" TO '1min';

-- role rewind
SELECT pg_catalog.format('CREATE ROLE %I', 'rewind') WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'rewind') \gexec
ALTER ROLE "rewind" WITH LOGIN NOSUPERUSER NOREPLICATION NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1;

-- membership of app in app_owner
GRANT "app_owner" TO "app";
COMMIT;
