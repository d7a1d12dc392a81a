"""What the manifest may say about HAProxy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pgc.fields import Duration, Part, Port, SecretRef, Section, Size, Word


class Ports(Part):
    """The listeners' ports."""

    read_write: Port = Field(5000, description="The leader.", examples=[5000])
    read_only: Port = Field(5001, description="A replica that does not lag too far behind.", examples=[5001])
    sync_read: Port = Field(
        5002, description="A synchronous replica: it has every transaction that was acknowledged.", examples=[5002]
    )
    stats: Port = Field(7000, description="Statistics, metrics and the balancer's own health.", examples=[7000])


class Checks(Part):
    """How servers are checked. Without a value: derived from the failover objective."""

    interval: Duration | None = Field(
        None, description="Pause between two checks of a server in a steady state, up or down.", examples=["1s"]
    )
    fast_interval: Duration | None = Field(
        None, description="Pause between checks while a server changes its state.", examples=["500ms"]
    )
    timeout: Duration | None = Field(None, description="How long a check waits for its answer.", examples=["1s"])
    rise: int = Field(2, ge=1, le=10, description="Good answers until a server is up.", examples=[2])
    fall: int = Field(2, ge=1, le=10, description="Bad answers until a server is down.", examples=[2])


class Timeouts(Part):
    """How long HAProxy waits. Idle clients belong to the pooler, so these are long."""

    connect: Duration = Field(2, description="Connecting to a server.", examples=["2s"])
    client: Duration = Field(
        86400,
        description="Silence of a client until it is cut off; the pooler's own limits come first.",
        examples=["24h"],
    )
    server: Duration = Field(
        86400, description="Silence of a server until it is cut off; longer than the longest query.", examples=["24h"]
    )
    queue: Duration = Field(10, description="Waiting for a free place at a server.", examples=["10s"])


class Stats(Part):
    """Access to the statistics page."""

    user: Word = Field("stats", description="User of the statistics page.", examples=["stats"])
    password: SecretRef | None = Field(
        None, description="Its password, as a reference.", examples=["file:secrets/orders/proxy-stats"]
    )


class HaproxySection(Section):
    """HAProxy in front of the database hosts."""

    version: Literal["2.6", "2.8", "3.0", "3.1", "3.2"] = Field(
        "3.0", description="Minor version of HAProxy that is installed.", examples=["3.0"]
    )
    ports: Ports = Field(default_factory=Ports, description="The listeners' ports.", examples=[{"read_write": 5000}])
    checks: Checks = Field(
        default_factory=Checks, description="How servers are checked.", examples=[{"interval": "1s"}]
    )
    timeouts: Timeouts = Field(
        default_factory=Timeouts, description="How long HAProxy waits.", examples=[{"client": "12h"}]
    )
    stats: Stats = Field(
        default_factory=Stats, description="Access to the statistics page.", examples=[{"user": "ops"}]
    )
    max_connections: int | None = Field(
        None,
        ge=10,
        le=1_000_000,
        description="Client connections at the same time. Without it: the objective and a tenth more.",
        examples=[1100],
    )
    replica_lag: Size = Field(
        16 * 1024**2, description="How far a replica may lag behind and still serve reads.", examples=["16MB"]
    )
    reads_fall_back: bool = Field(
        True, description="Whether reads go to the leader while no replica can serve them.", examples=[True]
    )
    hard_stop_after: Duration = Field(
        1800,
        description="How long sessions of an old process live on after a reload. An old process no longer checks its servers.",
        examples=["30min"],
    )
