"""What the manifest may say about PostgreSQL itself: version, parameters, roles, databases, client authentication."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pgc.fields import Duration, FilePath, Network, ParameterName, Part, Port, SecretRef, Section, SqlName, Word

Privilege = Literal[
    "ALL",
    "CONNECT",
    "CREATE",
    "TEMPORARY",
    "USAGE",
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
    "MAINTAIN",
    "EXECUTE",
]
Connection = Literal["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"]
Method = Literal[
    "scram-sha-256", "cert", "peer", "reject", "gss", "ldap", "radius", "pam", "trust", "password", "md5", "ident"
]
ParameterValue = bool | int | float | str
OneLine = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class RoleSpec(Part):
    """A database role."""

    login: bool = Field(
        True, description="Whether it may connect; a role that may not is a group or an owner.", examples=[True]
    )
    purpose: Literal["application", "owner", "administrator", "monitor", "backup"] = Field(
        "application", description="What it is for; applications get timeouts.", examples=["application"]
    )
    password: SecretRef | None = Field(
        None,
        description="Reference to its password. Without it: `file:secrets/CLUSTER/role-NAME` for a role that logs in.",
        examples=["vault:secret/orders#app"],
    )
    passwordless: bool = Field(
        False, description="Has no password: it logs in by certificate, peer or not at all.", examples=[False]
    )
    member_of: tuple[SqlName, ...] = Field(
        (), strict=False, description="Roles whose privileges it has.", examples=[["reporting"]]
    )
    connection_limit: int = Field(
        -1,
        ge=-1,
        le=100_000,
        description="Connections that it may hold at the same time; -1 is no limit.",
        examples=[50],
    )
    superuser: bool = Field(
        False, description="May do everything, and no check of privileges applies to it.", examples=[False]
    )
    replication: bool = Field(False, description="May stream all changes of the cluster.", examples=[False])
    createdb: bool = Field(False, description="May create databases.", examples=[False])
    createrole: bool = Field(False, description="May create and change roles.", examples=[False])
    settings: dict[ParameterName, ParameterValue] = Field(
        default_factory=dict,
        description="Parameters that its sessions start with.",
        examples=[{"statement_timeout": "30s"}],
    )


class SchemaSpec(Part):
    """A schema."""

    owner: SqlName | None = Field(
        None, description="Role that owns it. Without it: the database's owner.", examples=["orders_owner"]
    )


class ExtensionSpec(Part):
    """An extension of one database."""

    schema_: SqlName | None = Field(
        None,
        alias="schema",
        description="Schema that its objects go to. Without it: the extension's own choice.",
        examples=["public"],
    )
    version: Word | None = Field(None, description="Version. Without it: the one that is installed.", examples=["1.6"])


class GrantSpec(Part):
    """Privileges that a role gets in one database."""

    to: SqlName = Field(description="The role that gets them.", examples=["orders_app"])
    on: Literal["database", "schema", "tables", "sequences"] = Field(
        description="The kind of object; tables and sequences mean all of a schema, later ones too.",
        examples=["tables"],
    )
    schemas: tuple[SqlName, ...] = Field(
        ("public",),
        strict=False,
        description="The schemas that are meant, where the kind has one.",
        examples=[["public"]],
    )
    privileges: tuple[Privilege, ...] = Field(
        strict=False, min_length=1, description="The privileges.", examples=[["SELECT"]]
    )


class DatabaseSpec(Part):
    """A database."""

    owner: SqlName | None = Field(
        None,
        description="Role that owns it. Without it: NAME_owner, which nobody can log in as.",
        examples=["orders_owner"],
    )
    schemas: dict[SqlName, SchemaSpec] = Field(
        default_factory=dict,
        description="Schemas that exist in it, besides public.",
        examples=[{"app": {"owner": "orders_owner"}}],
    )
    extensions: dict[SqlName, ExtensionSpec] = Field(
        default_factory=dict, description="Extensions that exist in it.", examples=[{"pg_trgm": {}}]
    )
    access: dict[SqlName, Literal["read-only", "read-write"]] = Field(
        default_factory=dict,
        description="Roles that may use all its tables, by how.",
        examples=[{"orders_app": "read-write"}],
    )
    grants: tuple[GrantSpec, ...] = Field(
        (),
        strict=False,
        description="Further privileges.",
        examples=[[{"to": "audit", "on": "tables", "privileges": ["SELECT"]}]],
    )
    encoding: Literal["UTF8", "SQL_ASCII", "LATIN1", "LATIN9", "WIN1252", "EUC_JP"] | None = Field(
        None, description="Character set. Without it: that of the cluster.", examples=["UTF8"]
    )
    connection_limit: int = Field(
        -1,
        ge=-1,
        le=100_000,
        description="Connections that may be open to it at the same time; -1 is no limit.",
        examples=[100],
    )
    settings: dict[ParameterName, ParameterValue] = Field(
        default_factory=dict,
        description="Parameters that sessions in it start with.",
        examples=[{"search_path": "app, public"}],
    )


class HbaSpec(Part):
    """A rule of client authentication; every combination of its databases, users and addresses becomes one line."""

    connection: Connection | None = Field(
        None,
        description="Kind of connection. Without it: hostssl where the hosts have certificates, otherwise host.",
        examples=["hostssl"],
    )
    databases: tuple[SqlName, ...] = Field(
        ("all",),
        strict=False,
        min_length=1,
        description="Databases, or all, sameuser, samerole, replication.",
        examples=[["orders"]],
    )
    users: tuple[SqlName, ...] = Field(
        ("all",),
        strict=False,
        min_length=1,
        description="Roles, `+role` for the members of one, or all.",
        examples=[["reporting"]],
    )
    addresses: tuple[Network | Literal["all", "samehost", "samenet"], ...] = Field(
        (),
        strict=False,
        description="Networks that it is for; none for local connections.",
        examples=[["10.20.0.0/16"]],
    )
    method: Method = Field(
        "scram-sha-256", description="How the client proves who it is, or reject.", examples=["scram-sha-256"]
    )
    options: dict[Word, OneLine] = Field(
        default_factory=dict, description="Options of the method.", examples=[{"clientcert": "verify-full"}]
    )
    first: bool = Field(
        False, description="Stands before the rules of the components instead of behind them.", examples=[False]
    )


class IdentSpec(Part):
    """One line of a map from operating-system or certificate names to roles."""

    system: OneLine = Field(
        description="Name that the system or the certificate gives; `/…` is a regular expression.", examples=["deploy"]
    )
    role: SqlName = Field(description="Role that it may log in as.", examples=["orders_owner"])


class Locale(Part):
    """How text is compared and sorted; decided once, when the cluster is initialised."""

    provider: Literal["builtin", "libc", "icu"] | None = Field(
        None, description="Whose rules. Without it: builtin from PostgreSQL 17 on, libc before.", examples=["builtin"]
    )
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.@-]{1,60}$")] | None = Field(
        None,
        description="Name of the locale. Without it: C.UTF-8, whose order no upgrade of the system changes.",
        examples=["C.UTF-8"],
    )


class ApplicationTimeouts(Part):
    """Limits that every role with the purpose `application` starts with; 0s switches one off."""

    statement: Duration | None = Field(
        None,
        description="Longest statement. Without it: 60s for oltp, 10min for mixed, none for analytics.",
        examples=["60s"],
    )
    lock: Duration = Field(10, description="Longest wait for a lock.", examples=["10s"])
    idle_in_transaction: Duration = Field(60, description="Longest pause inside a transaction.", examples=["60s"])


class PostgresSection(Section):
    """PostgreSQL: version, parameters, roles, databases, client authentication."""

    version: Literal[15, 16, 17, 18] = Field(description="Major version.", examples=[17])
    port: Port = Field(5432, description="Port that it listens on.", examples=[5432])
    layout: Literal["debian", "redhat"] = Field(
        "debian", description="Family of packages; the paths follow from it.", examples=["debian"]
    )
    bin_dir: FilePath | None = Field(
        None,
        description="Where its programs are. Without it: from layout and version.",
        examples=["/usr/lib/postgresql/17/bin"],
    )
    data_dir: FilePath | None = Field(
        None,
        description="Where its data is. Without it: from layout and version.",
        examples=["/var/lib/postgresql/17/main"],
    )
    socket_dir: FilePath = Field(
        "/var/run/postgresql", description="Where its Unix socket is.", examples=["/var/run/postgresql"]
    )
    log_dir: FilePath | None = Field(
        None, description="Where its log is. Without it: from the layout.", examples=["/var/log/postgresql"]
    )
    locale: Locale = Field(
        default_factory=lambda: Locale.model_validate({}),
        description="Sort order and character rules.",
        examples=[{"provider": "builtin"}],
    )
    encoding: Literal["UTF8", "SQL_ASCII", "LATIN1", "LATIN9", "WIN1252", "EUC_JP"] = Field(
        "UTF8", description="Character set of the cluster.", examples=["UTF8"]
    )
    checksums: bool = Field(
        True, description="Whether pages carry checksums, so that damage is found when it is read.", examples=[True]
    )
    workload: Literal["oltp", "mixed", "analytics"] = Field(
        "oltp",
        description="What the queries are like; memory for sorts, parallelism and JIT follow from it.",
        examples=["oltp"],
    )
    parameters: dict[SqlName, ParameterValue] = Field(
        default_factory=dict,
        description="Parameters set by hand, over the derived ones. Quantities need a unit.",
        examples=[{"work_mem": "32MB", "max_parallel_workers_per_gather": 0}],
    )
    preload: tuple[Word, ...] = Field(
        (),
        strict=False,
        description="Libraries in shared_preload_libraries, besides those that extensions need.",
        examples=[["auto_explain"]],
    )
    statistics: bool = Field(
        True, description="Load pg_stat_statements, so that slow statements can be found.", examples=[True]
    )
    roles: dict[SqlName, RoleSpec] = Field(
        default_factory=dict, description="Roles, by name.", examples=[{"orders_app": {"connection_limit": 80}}]
    )
    databases: dict[SqlName, DatabaseSpec] = Field(
        default_factory=dict,
        description="Databases, by name.",
        examples=[{"orders": {"access": {"orders_app": "read-write"}}}],
    )
    clients: tuple[Network, ...] = Field(
        (),
        strict=False,
        description="Networks from which applications connect to PostgreSQL itself, past pools and balancers.",
        examples=[["10.20.0.0/16"]],
    )
    hba: tuple[HbaSpec, ...] = Field(
        (),
        strict=False,
        max_length=30,
        description="Further rules of client authentication, in order.",
        examples=[[{"users": ["reporting"], "addresses": ["10.30.0.0/24"]}]],
    )
    ident: dict[Word, Annotated[tuple[IdentSpec, ...], Field(strict=False, min_length=1)]] = Field(
        default_factory=dict,
        description="Maps from system names to roles, by name of the map.",
        examples=[{"admins": [{"system": "deploy", "role": "orders_owner"}]}],
    )
    allowed_extensions: tuple[Word, ...] | None = Field(
        None,
        strict=False,
        description="The only extensions that may be used. Without it: all that are known.",
        examples=[["pg_trgm", "vector"]],
    )
    timeouts: ApplicationTimeouts = Field(
        default_factory=lambda: ApplicationTimeouts.model_validate({}),
        description="Limits for applications.",
        examples=[{"statement": "30s"}],
    )
    administrators: int = Field(
        5, ge=0, le=1000, description="Connections kept for administrators, migrations and dumps.", examples=[5]
    )
    replica_outage: Duration = Field(
        3600,
        description="How long a replica may be away before its WAL is given up and it must be rebuilt.",
        examples=["1h"],
    )
    archive_outage: Duration = Field(
        3600, description="How long the archive may be away before the disk for WAL is full.", examples=["1h"]
    )
    huge_pages: bool = Field(True, description="Reserve huge pages for the shared memory.", examples=[True])
    tune_kernel: bool = Field(True, description="Write the kernel's settings for a database host.", examples=[True])
