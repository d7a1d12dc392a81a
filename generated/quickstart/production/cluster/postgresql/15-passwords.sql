-- Passwords of the cluster quickstart, for PostgreSQL 17. Made by pgc from the manifest; change it there.
-- Here stand the names of secrets; on the way to the host they become the secrets themselves, so keep the result from everybody else.
-- Run on the leader as its superuser, after 10-roles.sql, when a password is new or was changed:
--   psql -X -d postgres -f 15-passwords.sql
\set ON_ERROR_STOP on
BEGIN;
-- nothing of this reaches a log or a statistic
SET LOCAL log_statement = 'none';
SET LOCAL log_duration = off;
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_duration_sample = -1;
SET LOCAL log_transaction_sample_rate = 0;
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL log_parameter_max_length_on_error = 0;
SET LOCAL pgaudit.log = 'none';
SET LOCAL pg_stat_statements.track = 'none';
SET LOCAL auto_explain.log_min_duration = -1;
SET LOCAL password_encryption = 'scram-sha-256';
SET LOCAL lock_timeout = '10s';

-- password of app
SELECT pg_catalog.set_config('pgc.role', 'app', true) IS NOT NULL AS role, pg_catalog.set_config('pgc.password', "@pgc-secret:role-app@", true) IS NOT NULL AS password \gset
DO $pgc$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', pg_catalog.current_setting('pgc.role'), pg_catalog.current_setting('pgc.password')); END $pgc$;

-- password of pool_auth
SELECT pg_catalog.set_config('pgc.role', 'pool_auth', true) IS NOT NULL AS role, pg_catalog.set_config('pgc.password', "@pgc-secret:pool-auth@", true) IS NOT NULL AS password \gset
DO $pgc$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', pg_catalog.current_setting('pgc.role'), pg_catalog.current_setting('pgc.password')); END $pgc$;

-- password of postgres
SELECT pg_catalog.set_config('pgc.role', 'postgres', true) IS NOT NULL AS role, pg_catalog.set_config('pgc.password', "@pgc-secret:superuser@", true) IS NOT NULL AS password \gset
DO $pgc$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', pg_catalog.current_setting('pgc.role'), pg_catalog.current_setting('pgc.password')); END $pgc$;

-- password of replicator
SELECT pg_catalog.set_config('pgc.role', 'replicator', true) IS NOT NULL AS role, pg_catalog.set_config('pgc.password', "@pgc-secret:replication@", true) IS NOT NULL AS password \gset
DO $pgc$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', pg_catalog.current_setting('pgc.role'), pg_catalog.current_setting('pgc.password')); END $pgc$;

-- password of reporting
SELECT pg_catalog.set_config('pgc.role', 'reporting', true) IS NOT NULL AS role, pg_catalog.set_config('pgc.password', "@pgc-secret:role-reporting@", true) IS NOT NULL AS password \gset
DO $pgc$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', pg_catalog.current_setting('pgc.role'), pg_catalog.current_setting('pgc.password')); END $pgc$;

-- password of rewind
SELECT pg_catalog.set_config('pgc.role', 'rewind', true) IS NOT NULL AS role, pg_catalog.set_config('pgc.password', "@pgc-secret:rewind@", true) IS NOT NULL AS password \gset
DO $pgc$ BEGIN EXECUTE pg_catalog.format('ALTER ROLE %I PASSWORD %L', pg_catalog.current_setting('pgc.role'), pg_catalog.current_setting('pgc.password')); END $pgc$;
COMMIT;
