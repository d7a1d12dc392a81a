"""What the manifest may say about Patroni."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pgc.fields import Duration, FilePath, HostName, Network, Part, Port, SecretRef, Section, Size, SqlName, Word

SlotName = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,63}$", examples=["orders_cdc"])]


class Synchronous(Part):
    """Synchronous replication."""

    mode: Literal["off", "on", "quorum"] | None = Field(
        None,
        examples=["quorum"],
        description="`quorum` (Patroni 4.0 and newer), `on` or `off`. Without it: derived from objectives.data_loss and the version.",
    )
    strict: bool | None = Field(
        None,
        examples=[True],
        description="Whether writes wait when no synchronous standby is left. Without it: yes where nothing may be lost.",
    )
    nodes: int = Field(1, ge=1, le=99, description="Standbys that confirm every commit.", examples=[1])
    accept_stall: bool = Field(
        False,
        examples=[False],
        description="Accept that writes stop when one standby is lost, until it is back (a cluster of two).",
    )
    maximum_lag: Size | None = Field(
        None,
        examples=["1GB"],
        description="WAL by which a synchronous standby may lag before another takes its place. Without it: never for lag alone.",
    )


class Watchdog(Part):
    """The watchdog that resets a host whose Patroni cannot step down."""

    mode: Literal["off", "automatic", "required"] = Field(
        "automatic",
        examples=["automatic"],
        description="`automatic` uses a watchdog where the device can be opened, `required` gives no host the lead without one.",
    )
    device: FilePath = Field("/dev/watchdog", description="The device.", examples=["/dev/watchdog"])
    safety_margin: Duration | Literal["half"] = Field(
        5,
        examples=["5s"],
        description="How long before the lock expires the watchdog fires; `half` of ttl is safe under all circumstances.",
    )
    module: Literal["softdog", "none"] = Field(
        "softdog",
        examples=["softdog"],
        description="Kernel module that is loaded for it; `none` where the hardware has a watchdog of its own.",
    )


class Rest(Part):
    """The REST API, which health checks and patronictl use."""

    port: Port = Field(8008, description="Its port.", examples=[8008])
    user: Word = Field("patroni", description="User name for calls that change something.", examples=["patroni"])
    secret: SecretRef | None = Field(
        None,
        description="Reference to that user's password. Without it: file:secrets/<cluster>/rest.",
        examples=["vault:db/orders#rest"],
    )
    allow: tuple[Network, ...] = Field(
        (),
        strict=False,
        examples=[["10.0.9.0/24"]],
        description="Networks that may make such calls besides the members of the cluster.",
    )


class DatabaseRole(Part):
    """A database role that Patroni uses."""

    name: SqlName | None = Field(
        None, description="The role's name. Without it: postgres, replicator, rewind.", examples=["replicator"]
    )
    secret: SecretRef | None = Field(
        None,
        description="Reference to its password. Without it: file:secrets/<cluster>/<purpose>.",
        examples=["file:secrets/replication"],
    )


class Roles(Part):
    """The database roles that Patroni uses."""

    superuser: DatabaseRole = Field(
        default_factory=lambda: DatabaseRole.model_validate({}),
        description="Local superuser.",
        examples=[{"name": "postgres"}],
    )
    replication: DatabaseRole = Field(
        default_factory=lambda: DatabaseRole.model_validate({}),
        description="Streams WAL, nothing else.",
        examples=[{"name": "replicator"}],
    )
    rewind: DatabaseRole = Field(
        default_factory=lambda: DatabaseRole.model_validate({}),
        description="Reads files for pg_rewind, nothing else.",
        examples=[{"name": "rewind"}],
    )


class HostTags(Part):
    """What one host may and may not become."""

    nofailover: bool = Field(False, description="It never becomes the leader.", examples=[True])
    failover_priority: int | None = Field(
        None,
        ge=0,
        le=1000,
        examples=[2],
        description="Among equally caught-up hosts the highest becomes the leader; 0 never.",
    )
    nosync: bool = Field(False, description="It is never a synchronous standby.", examples=[True])
    sync_priority: int | None = Field(
        None,
        ge=0,
        le=1000,
        examples=[2],
        description="Preference as synchronous standby (Patroni 4.1 and newer, mode `on`); 0 never.",
    )
    noloadbalance: bool = Field(False, description="It gets no read-only connections.", examples=[True])
    clonefrom: bool = Field(
        False, description="New standbys are copied from it rather than from the leader.", examples=[True]
    )
    replicatefrom: HostName | None = Field(
        None, description="The standby that it streams from (a cascade).", examples=["pg2"]
    )
    nostream: bool = Field(False, description="It recovers from the archive alone.", examples=[True])
    custom: dict[Word, bool | int | str] = Field(
        default_factory=dict, description="Tags of your own.", examples=[{"rack": "r7"}]
    )


class Slot(Part):
    """A replication slot that survives a failover."""

    type: Literal["physical", "logical"] = Field("physical", description="Its type.", examples=["logical"])
    database: SqlName | None = Field(None, description="Its database, for a logical slot.", examples=["orders"])
    plugin: Word | None = Field(None, description="Its output plugin, for a logical slot.", examples=["pgoutput"])


class IgnoredSlot(Part):
    """Slots that Patroni leaves alone: those that have all these properties."""

    name: SlotName | None = Field(None, description="Its name.", examples=["backup_stream"])
    type: Literal["physical", "logical"] | None = Field(None, description="Its type.", examples=["logical"])
    database: SqlName | None = Field(None, description="Its database.", examples=["orders"])
    plugin: Word | None = Field(None, description="Its output plugin.", examples=["wal2json"])


class ReplicaMethod(Part):
    """A program that makes a standby from a backup; pg_basebackup is tried when it fails."""

    command: str = Field(
        pattern=r"^/[^\x00-\x1f\x7f]+$",
        max_length=500,
        description="Command line with an absolute path.",
        examples=["/usr/bin/pgbackrest --stanza=main --delta restore"],
    )
    keep_data: bool = Field(False, description="It can use what is left of the old data directory.", examples=[True])
    no_leader: bool = Field(False, description="It works while there is no leader to copy from.", examples=[True])
    no_params: bool = Field(False, description="Patroni passes no arguments of its own.", examples=[True])


class PatroniSection(Section):
    """Patroni, which decides who leads and configures PostgreSQL."""

    version: Literal["3.3", "4.0", "4.1"] = Field(
        "4.0", description="Minor version of Patroni that is installed.", examples=["4.0"]
    )
    scope: Word | None = Field(
        None,
        examples=["orders"],
        description="The cluster's name in the DCS, unique among all that share it. Without it: the cluster's and environment's.",
    )
    namespace: Word = Field("service", description="Where in the DCS all clusters live.", examples=["service"])
    ttl: Duration | None = Field(
        None,
        description="Life of the leader lock, in whole seconds, at least 20. Without it: derived from objectives.failover.",
        examples=["30s"],
    )
    loop_wait: Duration | None = Field(
        None,
        description="Pause between two looks at the cluster, in whole seconds. Without it: derived.",
        examples=["10s"],
    )
    retry_timeout: Duration | None = Field(
        None,
        examples=["10s"],
        description="How long the DCS may fail before the leader steps down, in whole seconds, at least 3. Without it: derived.",
    )
    primary_start_timeout: Duration | None = Field(
        None,
        examples=["5min"],
        description="How long a crashed leader may recover before another takes over, in whole seconds. Without it: derived.",
    )
    primary_stop_timeout: Duration | None = Field(
        None,
        examples=["30s"],
        description="How long a leader may take to stop before it is killed (synchronous mode), whole seconds. Without it: derived.",
    )
    max_standby_streaming_delay: Duration | None = Field(
        None,
        examples=["30s"],
        description="How long a query on a standby may hold up replay, and so a promotion. Without it: derived.",
    )
    replay_rate: Size = Field(
        64 * 1024**2,
        ge=1024**2,
        description="WAL that a standby replays in one second, at least 1MB.",
        examples=["64MB"],
    )
    synchronous: Synchronous = Field(
        default_factory=lambda: Synchronous.model_validate({}),
        description="Synchronous replication; derived from objectives.data_loss.",
        examples=[{"nodes": 1}],
    )
    maximum_lag_on_failover: Size | None = Field(
        None,
        examples=["1MB"],
        description="WAL by which a standby may lag and still become the leader. Without it: derived from objectives.data_loss.",
    )
    failsafe: bool = Field(
        True, description="Keep the leader while the DCS is away, as long as it reaches all members.", examples=[True]
    )
    watchdog: Watchdog = Field(
        default_factory=lambda: Watchdog.model_validate({}),
        description="Resets a host whose Patroni hangs while it leads.",
        examples=[{"mode": "automatic"}],
    )
    rest: Rest = Field(
        default_factory=lambda: Rest.model_validate({}), description="The REST API.", examples=[{"port": 8008}]
    )
    roles: Roles = Field(
        default_factory=Roles,
        description="Database roles that Patroni uses.",
        examples=[{"rewind": {"name": "rewind"}}],
    )
    hosts: dict[HostName, HostTags] = Field(
        default_factory=dict, description="Tags, by host.", examples=[{"pg3": {"nofailover": True}}]
    )
    preferred_datacenter: Word | None = Field(
        None,
        examples=["fra1"],
        description="Data centre whose hosts lead rather than others. Without it: the one with most database hosts, if there are several.",
    )
    slots: dict[SlotName, Slot] = Field(
        default_factory=dict,
        description="Replication slots that survive a failover.",
        examples=[{"orders_cdc": {"type": "logical", "database": "orders", "plugin": "pgoutput"}}],
    )
    ignore_slots: tuple[IgnoredSlot, ...] = Field(
        (),
        strict=False,
        description="Slots that others manage.",
        examples=[[{"type": "physical", "name": "backup_stream"}]],
    )
    member_slots_ttl: Duration = Field(
        3600, examples=["1h"], description="How long WAL is kept for a member that is away (Patroni 4.0 and newer)."
    )
    wal_segment_size: Size | None = Field(
        None,
        examples=["64MB"],
        description="Size of a WAL segment file, decided when the cluster is initialised. Without it: PostgreSQL's 16 MB.",
    )
    basebackup_rate: Size | None = Field(
        None,
        examples=["100MB"],
        description="WAL and data that a new standby may fetch in one second. Without it: no limit.",
    )
    replica_methods: dict[Word, ReplicaMethod] = Field(
        default_factory=dict,
        description="How standbys are made, in order, before pg_basebackup.",
        examples=[
            {
                "pgbackrest": {
                    "command": "/usr/bin/pgbackrest --stanza=main --delta restore",
                    "keep_data": True,
                    "no_params": True,
                }
            }
        ],
    )
    rebuild_after_failed_rewind: bool | None = Field(
        None,
        examples=[True],
        description="Throw a diverged data directory away when pg_rewind fails. Without it: yes in synchronous mode, where it holds"
        " nothing that was acknowledged.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="What Patroni logs to the journal.", examples=["INFO"]
    )
