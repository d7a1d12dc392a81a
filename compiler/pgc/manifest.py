"""The manifest's envelope: what every plugin may know. The plugins' own sections are models of theirs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pgc.fields import Address, ClusterName, Duration, FilePath, HostName, Loss, Part, Port, Share, Size, Word

API_VERSION = "pgc.dev/v1"
DEFAULTS_SETS = ("2026.11",)


class Metadata(Part):
    """What the cluster is called and who owns it."""

    name: ClusterName = Field(description="The cluster's name; also its folder in the output.", examples=["orders"])
    description: str = Field(
        "", description="One sentence for people.", examples=["Orders of the web shop"], max_length=400
    )
    owner: str = Field(
        "", description="Who is called when it breaks.", examples=["team-data@example.org"], max_length=200
    )
    labels: dict[Word, Word] = Field(default_factory=dict, description="Free labels.", examples=[{"tier": "gold"}])


class Objectives(Part):
    """What the cluster must achieve. The compiler derives the settings from it."""

    failover: Duration = Field(
        60, description="The longest time that writes may stop after one fault.", examples=["30s"]
    )
    data_loss: Loss = Field(
        "none", description="What may be lost when a host dies: `none`, or an amount of WAL.", examples=["none", "16MB"]
    )
    recovery_time: Duration | None = Field(
        None, description="How long a restore from backup may take.", examples=["1h"]
    )
    recovery_point: Duration | None = Field(
        None, description="How much history a restore from backup may lose.", examples=["15min"]
    )
    availability: Share | None = Field(
        None, description="The share of time in which writes must be possible.", examples=["99.99%"]
    )
    faults_per_year: int = Field(
        12,
        ge=1,
        le=10_000,
        description="How many faults a year the availability objective reckons with.",
        examples=[12],
    )
    latency_p99: Duration | None = Field(
        None, description="The 99th percentile of a query by primary key.", examples=["10ms"]
    )
    connections: int = Field(
        200, ge=1, le=100_000, description="Client connections that are open at the same time.", examples=[1000]
    )
    data_size: Size = Field(10 * 1024**3, description="How large the data will be.", examples=["200GB"])
    wal_rate: Size = Field(1024**2, description="WAL that is written in one second at peak.", examples=["4MB"])


class Disk(Part):
    """A disk of a host."""

    size: Size = Field(description="Its capacity.", examples=["500GB"])
    mount: FilePath | None = Field(
        None,
        description="Where it is mounted; without it, where its purpose says.",
        examples=["/var/lib/postgresql"],
    )
    kind: Literal["nvme", "ssd", "hdd", "network"] = Field(
        "ssd", description="Its technology; planner costs follow from it.", examples=["nvme"]
    )


class HostSpec(Part):
    """A machine."""

    address: Address = Field(description="The address by which the other hosts reach it.", examples=["10.0.0.11"])
    roles: tuple[Word, ...] | None = Field(
        None,
        strict=False,
        description="What runs on it; without any, the roles that every plugin gives to a plain host.",
        examples=[["database", "dcs"]],
    )
    zone: Word = Field("default", description="Availability zone: what fails together.", examples=["a"])
    datacenter: Word = Field("default", description="Data centre.", examples=["fra1"])
    memory: Size = Field(8 * 1024**3, description="Main memory.", examples=["32GB"])
    cores: int = Field(4, ge=1, le=4096, description="Processor cores.", examples=[8])
    disks: dict[Literal["data", "wal", "dcs", "backup", "log"], Disk] = Field(
        default_factory=dict,
        description="Disks by purpose: `data`, `wal`, `dcs`, `backup`, `log`.",
        examples=[{"data": {"size": "500GB"}}],
    )
    interface: Word = Field("eth0", description="Network interface that carries `address`.", examples=["eth0"])
    labels: dict[Word, Word] = Field(default_factory=dict, description="Free labels.", examples=[{"rack": "r7"}])


class ExternalEndpoint(Part):
    """One address of something that exists already."""

    address: Address = Field(description="Where it listens.", examples=["10.0.9.11"])
    port: Port = Field(description="Its port.", examples=[2379])


class External(Part):
    """Something that exists outside this cluster, possibly shared by several: a DCS, a load balancer, monitoring, DNS."""

    offers: Word = Field(description="The capability that it gives.", examples=["dcs.client"])
    endpoints: tuple[ExternalEndpoint, ...] = Field(
        strict=False,
        min_length=1,
        description="Where it is reached.",
        examples=[[{"address": "10.0.9.11", "port": 2379}]],
    )
    scheme: Literal["tcp", "http", "https"] = Field("tcp", description="How it is spoken to.", examples=["http"])
    details: dict[Word, str] = Field(
        default_factory=dict, description="What its readers need to know.", examples=[{"version": "3.6"}]
    )


class Envelope(Part):
    """The manifest without the plugins' sections."""

    apiVersion: Literal["pgc.dev/v1"] = Field(description="The version of this format.", examples=[API_VERSION])
    kind: Literal["Cluster"] = Field(description="What is described.", examples=["Cluster"])
    metadata: Metadata = Field(description="Name and owner.", examples=[{"name": "orders"}])
    defaults: Literal["2026.11"] = Field(
        description="The dated set of derived defaults, so that a newer pgc changes nothing by itself.",
        examples=["2026.11"],
    )
    objectives: Objectives = Field(
        default_factory=Objectives,
        description="What the cluster must achieve.",
        examples=[{"failover": "30s", "data_loss": "none"}],
    )
    hosts: dict[HostName, HostSpec] = Field(
        min_length=1, description="The machines, by name.", examples=[{"pg1": {"address": "10.0.0.11", "zone": "a"}}]
    )
    external: dict[Word, External] = Field(
        default_factory=dict,
        description="What exists already, by a name of your own.",
        examples=[{"store": {"offers": "dcs.client", "endpoints": [{"address": "10.0.9.11", "port": 2379}]}}],
    )
    environments: dict[Word, dict[str, Any]] = Field(
        default_factory=dict,
        description="Overrides by environment; each is compiled to a tree of its own. Null removes a key.",
        examples=[{"staging": {"objectives": {"failover": "60s"}}}],
    )
