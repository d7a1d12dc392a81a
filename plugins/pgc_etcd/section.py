"""What the manifest may say about etcd."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pgc.fields import Duration, FilePath, Port, Section, Size


class EtcdSection(Section):
    """etcd, the consensus store that holds the leader lock."""

    version: Literal["3.4", "3.5", "3.6"] = Field(
        "3.5", description="Minor version of etcd that is installed.", examples=["3.5"]
    )
    members: tuple[str, ...] | None = Field(
        None,
        strict=False,
        description="Hosts that are members. Without it: the hosts with the role `dcs`, at most five of them, spread over the zones.",
        examples=[["pg1", "pg2", "pg3"]],
    )
    client_port: Port = Field(2379, description="Port for clients.", examples=[2379])
    peer_port: Port = Field(2380, description="Port for the other members.", examples=[2380])
    metrics_port: Port = Field(
        2381, description="Port for metrics and health, without client certificates.", examples=[2381]
    )
    round_trip: Duration = Field(
        0.005, description="The longest round trip between two members; the timers must fit it.", examples=["5ms"]
    )
    heartbeat: Duration | None = Field(
        None,
        description="Heartbeat interval. Without it: derived from the failover objective and the round trip.",
        examples=["100ms"],
    )
    election: Duration | None = Field(
        None, description="Election timeout. Without it: ten heartbeats.", examples=["1s"]
    )
    data_dir: FilePath = Field(
        "/var/lib/etcd/pgc", description="Where a member keeps its log and snapshots.", examples=["/var/lib/etcd/pgc"]
    )
    quota: Size = Field(
        2 * 1024**3, description="Size of the database at which etcd stops accepting writes.", examples=["2GB"]
    )
    compaction: Duration = Field(
        3600, description="How much history is kept before it is compacted away.", examples=["1h"]
    )
