"""The diagnostics of PgBouncer."""

from __future__ import annotations

from pgc.diagnostics import Code, Severity

PGB001 = Code(
    "PGB001",
    "pool-without-database",
    Severity.ERROR,
    what="the pool {name} leads to the database {database}, which the manifest does not name{near}",
    why="clients would be told that the database does not exist",
    help="add {database} to postgres.databases, or correct pgbouncer.pools.{name}",
    example="postgres: {databases: {orders: {}}}\npgbouncer: {pools: {ordres: {size: 30}}}",
)
PGB002 = Code(
    "PGB002",
    "role-limit-below-pools",
    Severity.ERROR,
    what="the pools may open {wish} connections as {role}, whose own limit is {limit}",
    why="PostgreSQL would refuse the rest: clients get `too many connections for role` where they could have waited",
    help="set pgbouncer.users.{role}.connections to {limit} or less, or raise the role's connection_limit",
    example="postgres: {roles: {app: {connection_limit: 10}}}\npgbouncer: {users: {app: {connections: 40}}}",
)
PGB003 = Code(
    "PGB003",
    "database-limit-below-pool",
    Severity.ERROR,
    what="the pool {name} may open {wish} connections to {database}, whose own limit is {limit}",
    why="PostgreSQL would refuse the rest: clients get `too many connections for database` where they could have waited",
    help="set pgbouncer.pools.{name}.connections to {limit} or less, or raise the database's connection_limit",
    example="postgres: {databases: {orders: {connection_limit: 20}}}\npgbouncer: {pools: {orders: {connections: 40}}}",
)
PGB004 = Code(
    "PGB004",
    "clients-below-objective",
    Severity.ERROR,
    what="the pooler takes {given} clients, and {wanted} are expected",
    why="after a failover all clients are with one pooler; those beyond its limit are refused",
    help="raise pgbouncer.max_client_connections to {wanted} or more, or leave it to be derived",
    example="objectives: {connections: 1000}\npgbouncer: {max_client_connections: 500}",
)
PGB005 = Code(
    "PGB005",
    "too-many-descriptors",
    Severity.ERROR,
    what="the pooler needs {needed} open files; the kernel allows a process {most} (fs.nr_open)",
    why="systemd could not set the limit, and the service would not start",
    help="lower pgbouncer.max_client_connections to {room} or less",
    example="pgbouncer: {max_client_connections: 2000000}",
)
PGB006 = Code(
    "PGB006",
    "prepared-statements-off",
    Severity.WARNING,
    what="max_prepared_statements is 0, and pools are in {mode} mode",
    why="a statement that a driver prepared is not there on the next server connection: `prepared statement does not exist`",
    help="leave max_prepared_statements out (200), or make sure that no driver prepares statements",
    example="pgbouncer: {mode: transaction, max_prepared_statements: 0}",
)
PGB007 = Code(
    "PGB007",
    "prepared-statements-unsupported",
    Severity.WARNING,
    what="PgBouncer {version} does not keep prepared statements in {mode} pools",
    why="drivers that prepare statements by themselves (JDBC, asyncpg, pgx) fail now and then",
    help="install PgBouncer 1.21 or later, use session mode, or switch prepared statements off in the drivers",
    example='pgbouncer: {version: "1.20", mode: transaction}',
)
PGB008 = Code(
    "PGB008",
    "setting-unknown-in-version",
    Severity.ERROR,
    what="{setting} needs PgBouncer {since}; version {version} is installed",
    why="PgBouncer refuses a file with a setting that it does not know, and does not start",
    help="leave {setting} out, or install PgBouncer {since} or later and say so in pgbouncer.version",
    example='pgbouncer: {version: "1.20", max_prepared_statements: 100}',
)
PGB009 = Code(
    "PGB009",
    "session-pools-too-small",
    Severity.WARNING,
    what="session pools have room for {room} clients at a time, and {wanted} are expected",
    why="in session mode a client keeps its connection until it leaves: the others wait, and are cut off after query_wait_timeout",
    help="use transaction mode, or raise pgbouncer.server_connections or the pools to {wanted}",
    example="objectives: {connections: 500}\npgbouncer: {mode: session, server_connections: 40}",
)
PGB010 = Code(
    "PGB010",
    "wait-below-failover",
    Severity.ERROR,
    what="clients wait {given} s for a connection, but a failover may last {objective} s",
    why="clients that wait for the new leader would be cut off before it is there",
    help="raise pgbouncer.query_wait_timeout to {objective}s or more, or leave it to be derived",
    example="objectives: {failover: 60s}\npgbouncer: {query_wait_timeout: 30s}",
)
PGB011 = Code(
    "PGB011",
    "auth-user-has-other-uses",
    Severity.ERROR,
    what="auth.user is {role}, which is a role of its own{rights}",
    why="its password lies in plain text on every database host; whoever reads it has all that the role has",
    help="name a role in pgbouncer.auth.user that nothing else uses; pgc makes it",
    example="pgbouncer: {auth: {user: postgres}}",
)
PGB012 = Code(
    "PGB012",
    "auth-query-unqualified",
    Severity.ERROR,
    what="auth.query names {name} without its schema",
    why="a client that sets its search_path decides what runs as {user} (CVE-2025-12819)",
    help="write schema.{name}",
    example="pgbouncer: {auth: {query: SELECT uname, phash FROM get_auth($1)}}",
)
PGB013 = Code(
    "PGB013",
    "database-name-unlistable",
    Severity.ERROR,
    what="the database {name} cannot be named in pgbouncer.ini",
    why="PgBouncer takes letters, digits and `_.-` there, quoted or not, and would not start: no client would reach the database",
    help="name a pool that leads to it: pgbouncer: {{pools: {{SOME_NAME: {{database: …}}}}}}, or rename it",
    example='postgres: {databases: {"my orders": {}}}',
)
PGB014 = Code(
    "PGB014",
    "database-name-reserved",
    Severity.ERROR,
    what="the name pgbouncer is reserved for the console",
    why="PgBouncer refuses a file with such a database, and does not start",
    help="choose another name",
    example="postgres: {databases: {pgbouncer: {}}}",
)
PGB015 = Code(
    "PGB015",
    "unknown-user",
    Severity.WARNING,
    what="pgbouncer.users names {role}, which is no role of this cluster{near}",
    why="what is said of it holds for nobody",
    help="add it to postgres.roles, or correct the name",
    example="postgres: {roles: {app: {}}}\npgbouncer: {users: {ap: {connections: 10}}}",
)
PGB016 = Code(
    "PGB016",
    "raw-not-a-setting",
    Severity.ERROR,
    what="raw.{key} is not a setting with one value",
    why="a line of pgbouncer.ini is a word, an equals sign and a value",
    help="use raw: {{setting: value}} with a text, a number or a switch",
    example="pgbouncer: {raw: {dns_max_ttl: [15, 30]}}",
)
PGB017 = Code(
    "PGB017",
    "pools-without-bound",
    Severity.NOTE,
    what="databases without a pool of their own are served too, with up to {limit} connections each",
    why="how many there are is not known, so the budget of connections counts one of them",
    help="name the databases in postgres.databases, or set pgbouncer.wildcard to false",
    example="postgres: {version: 17}   # no databases",
)
PGB018 = Code(
    "PGB018",
    "size-above-limit",
    Severity.WARNING,
    what="the pool {name} has {size} connections for each role, but {limit} for all of them",
    why="the limit is reached first; the size is never",
    help="raise pgbouncer.pools.{name}.connections to {size} or more, or lower the size",
    example="pgbouncer: {pools: {orders: {size: 30, connections: 10}}}",
)
CODES = (
    PGB001,
    PGB002,
    PGB003,
    PGB004,
    PGB005,
    PGB006,
    PGB007,
    PGB008,
    PGB009,
    PGB010,
    PGB011,
    PGB012,
    PGB013,
    PGB014,
    PGB015,
    PGB016,
    PGB017,
    PGB018,
)
