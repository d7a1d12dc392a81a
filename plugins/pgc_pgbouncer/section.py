"""What the manifest may say about PgBouncer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from pgc.fields import Duration, Part, Port, SecretRef, Section, SqlName, Word

Mode = Literal["transaction", "session", "statement"]
RESERVED = frozenset(
    """all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
    concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from full
    grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit localtime
    localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references returning right
    select session_user similar some symmetric system_user table tablesample then to trailing true union unique user using
    variadic verbose when where window with""".split()  # noqa: SIM905
)
"""Words that SQL takes for its own where a name is wanted. Source: PostgreSQL, appendix C, reserved ones of 15 to 18."""


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise PydanticCustomError(
            "bad_name",
            "{given} is a word of SQL's own",
            {"given": name, "what": "a plain name (it is a reserved word of SQL)", "example": "pool_auth"},
        )
    return name


PlainName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$"), AfterValidator(_not_reserved)]
"""A name that means the same in SQL, in an INI file and in a shell, quoted or not."""


class PoolSpec(Part):
    """The pools of one database: each role that connects to it gets one."""

    database: SqlName | None = Field(
        None,
        description="The database that is meant. Without it: the one with the pool's name. Two pools may lead to one database.",
        examples=["orders"],
    )
    mode: Mode | None = Field(
        None,
        description="When a connection is free for the next client. Without it: the section's mode.",
        examples=["session"],
    )
    size: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Connections of one role. Without it: a share of server_connections.",
        examples=[30],
    )
    reserve: int | None = Field(
        None,
        ge=0,
        le=10_000,
        description="Further connections of a role whose clients wait. Without it: a fifth of the share.",
        examples=[5],
    )
    min_size: int | None = Field(
        None, ge=0, le=10_000, description="Connections that are kept open while a client is connected.", examples=[5]
    )
    connections: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Connections of all roles together. Without it: the database's share of server_connections.",
        examples=[40],
    )


class UserSpec(Part):
    """What holds for one role in all databases."""

    mode: Mode | None = Field(
        None,
        description="When a connection is free for the next client. Without it: the pool's mode.",
        examples=["session"],
    )
    size: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Connections of this role in each pool (PgBouncer 1.23 and later).",
        examples=[10],
    )
    connections: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Connections of this role in all pools. Without it: the role's own limit, where it has one.",
        examples=[50],
    )


class AuthSpec(Part):
    """How PgBouncer learns passwords: it asks a function in the database, as a role that may do nothing else."""

    user: PlainName = Field("pool_auth", description="The role that asks.", examples=["pool_auth"])
    password: SecretRef | None = Field(
        None, description="Its password, as a reference.", examples=["file:secrets/orders/pool-auth"]
    )
    database: PlainName = Field(
        "postgres",
        description="Where the function is (PgBouncer 1.19 and later; before, in every database).",
        examples=["postgres"],
    )
    schema_: PlainName = Field(
        "pgbouncer", alias="schema", description="Schema of the function.", examples=["pgbouncer"]
    )
    function: PlainName = Field("get_auth", description="Name of the function.", examples=["get_auth"])
    query: Annotated[str, Field(min_length=8, max_length=1000)] | None = Field(
        None,
        description="A query of your own instead of the function; $1 is the role. Names must be qualified.",
        examples=["SELECT uname, phash FROM pgbouncer.get_auth($1)"],
    )


class PgbouncerSection(Section):
    """PgBouncer on every database host."""

    enabled: bool = Field(True, description="Whether there is a pooler at all.", examples=[True])
    version: Literal["1.18", "1.19", "1.20", "1.21", "1.22", "1.23", "1.24", "1.25"] = Field(
        "1.24", description="Minor version of PgBouncer that is installed.", examples=["1.24"]
    )
    port: Port = Field(6432, description="Port that it listens on.", examples=[6432])
    mode: Mode = Field(
        "transaction",
        description="When a connection is free for the next client: after the transaction, the session or the statement.",
        examples=["transaction"],
    )
    pools: dict[Word, PoolSpec] = Field(
        default_factory=dict,
        description="Pools by the name that clients connect to. Every database of the manifest has one anyway.",
        examples=[
            {
                "orders": {"size": 30, "reserve": 5},
                "orders-session": {"database": "orders", "mode": "session", "connections": 5},
            }
        ],
    )
    users: dict[Word, UserSpec] = Field(
        default_factory=dict, description="What holds for single roles.", examples=[{"reporting": {"connections": 10}}]
    )
    wildcard: bool | None = Field(
        None,
        description="Whether databases without a pool of their own are served too. Without it: only where the manifest names none.",
        examples=[False],
    )
    server_connections: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Connections that it may open to its PostgreSQL, shared out among the pools. Without it: from the cores.",
        examples=[40],
    )
    reserve_timeout: Duration = Field(
        3, description="How long a client waits until the reserve of its pool is opened.", examples=["3s"]
    )
    max_client_connections: int | None = Field(
        None,
        ge=10,
        le=2_000_000,
        description="Client connections at the same time. Without it: the objective and a fifth more.",
        examples=[1200],
    )
    server_login_retry: Duration | None = Field(
        None,
        description="Pause after a failed login to the server, while clients get its error. Without it: from the failover objective.",
        examples=["1s"],
    )
    query_wait_timeout: Duration | None = Field(
        None,
        description="How long a client waits for a connection; 0s is for ever. Without it: 120s, or the failover objective and 20s.",
        examples=["120s"],
    )
    server_idle_timeout: Duration = Field(
        600, description="Idle connections to the server are closed after this time.", examples=["10min"]
    )
    server_lifetime: Duration = Field(
        3600, description="Connections to the server are replaced after this time.", examples=["1h"]
    )
    client_idle_timeout: Duration = Field(
        0, description="Silent clients are cut off after this time; 0s is never.", examples=["0s"]
    )
    max_prepared_statements: int | None = Field(
        None,
        ge=0,
        le=100_000,
        description="Prepared statements that are kept for a server connection (1.21 and later). Without it: 200.",
        examples=[200],
    )
    ignore_startup_parameters: tuple[Word, ...] = Field(
        ("extra_float_digits",),
        strict=False,
        description="Parameters of clients that are let pass and ignored; JDBC sends extra_float_digits.",
        examples=[["extra_float_digits"]],
    )
    auth: AuthSpec = Field(
        default_factory=lambda: AuthSpec.model_validate({}),
        description="How it learns passwords.",
        examples=[{"user": "pool_auth"}],
    )
    admin_users: tuple[Word, ...] = Field(
        (),
        strict=False,
        description="Roles that may run all commands on the console. The system user needs no entry.",
        examples=[["dba"]],
    )
    stats_users: tuple[Word, ...] = Field(
        (),
        strict=False,
        description="Roles that may look at the console, besides those that monitor.",
        examples=[["grafana"]],
    )
    system_user: PlainName = Field(
        "pgbouncer",
        description="System user that it runs as; it is made where it does not exist.",
        examples=["pgbouncer"],
    )
