"""A member's environment file and unit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc.artifact import Artifact
from pgc.bodies import Env, unit
from pgc.cluster import Cluster, Host
from pgc.facts import Endpoint
from pgc.provenance import Sourced, because
from pgc_etcd.client import certificate
from pgc_etcd.facts import ELECTION, HEARTBEAT, HEARTBEATS_AN_ELECTION

ENVIRONMENT = "/etc/etcd/etcd.env"
REJOIN = "/run/etcd/rejoin.env"


def render(cluster: Cluster, members: tuple[Host, ...]) -> Iterator[Artifact]:
    """Give each member its files."""
    service = _unit(cluster)
    peers = {endpoint.host: endpoint for endpoint in cluster.facts.all(Endpoint, "dcs.peer")}
    initial = ",".join(f"{host.name}={_url(peers[host.name])}" for host in members)
    shared = _shared(cluster, initial)
    for host in members:
        yield Artifact(
            "etc/etcd/etcd.env",
            "etcd.env",
            Env({**_own(cluster, host, peers[host.name]), **shared}, _head(cluster)),
            host=host.name,
            consumer="etcd.service",
            owner="root:etcd",
            mode="0640",
        )
        yield Artifact("etc/systemd/system/etcd.service", "systemd.unit", service, host=host.name, consumer="systemd")


def _head(cluster: Cluster) -> tuple[str, ...]:
    return (
        f"etcd member of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",
        "initial-* settings count only while the data directory is empty.",
    )


def _own(cluster: Cluster, host: Host, peer: Endpoint) -> dict[str, Any]:
    """Return what differs from member to member."""
    client = next(iter(cluster.facts.on(host.name, Endpoint, "dcs.client")))
    at = because(host.address, "the host's address", host.path / "address")
    metrics = f"http://{host.location}:{cluster.section.metrics_port}"
    values: dict[str, Any] = {
        "ETCD_NAME": because(host.name, "the host's name", host.path),
        "ETCD_LISTEN_PEER_URLS": Sourced(_url(peer), peer.origin),
        "ETCD_INITIAL_ADVERTISE_PEER_URLS": Sourced(_url(peer), peer.origin),
        "ETCD_LISTEN_CLIENT_URLS": Sourced(f"{_url(client)},{client.scheme}://127.0.0.1:{client.port}", client.origin),
        "ETCD_ADVERTISE_CLIENT_URLS": Sourced(_url(client), client.origin),
        "ETCD_LISTEN_METRICS_URLS": Sourced(metrics, at.origin),
    }
    held = certificate(host.name, cluster.facts)
    if held is not None:
        for side in ("", "PEER_"):
            values[f"ETCD_{side}CERT_FILE"] = Sourced(held.certificate_file, held.origin)
            values[f"ETCD_{side}KEY_FILE"] = Sourced(held.key_file, held.origin)
            values[f"ETCD_{side}TRUSTED_CA_FILE"] = Sourced(held.authority_file, held.origin)
            values[f"ETCD_{side}CLIENT_CERT_AUTH"] = Sourced("true", held.origin)
    return values


def _shared(cluster: Cluster, initial: str) -> dict[str, Any]:
    """Return what all members have in common.

    Source: etcd, op-guide/configuration of 3.4, 3.5 and 3.6. From 3.6 on the old API and its flag are gone, the experimental checks are
    feature gates, and the number of log entries between snapshots is deprecated.
    """
    section = cluster.section
    heartbeat = cluster.value(HEARTBEAT)
    if section.election is not None:
        election = cluster.value(ELECTION)
    else:
        election = Sourced(HEARTBEATS_AN_ELECTION * heartbeat.value, heartbeat.origin)
    values: dict[str, Any] = {
        "ETCD_INITIAL_CLUSTER": because(initial, "the members of the DCS"),
        "ETCD_INITIAL_CLUSTER_STATE": because("new", f"a member that rejoins gets `existing` from {REJOIN}"),
        "ETCD_INITIAL_CLUSTER_TOKEN": because(f"pgc-{cluster.name}", "keeps members of other clusters out"),
        "ETCD_STRICT_RECONFIG_CHECK": because("true", "refuses a change of members that would lose the quorum"),
        "ETCD_PRE_VOTE": because("true", "a member that returns from a cut does not disturb the leader"),
        "ETCD_HEARTBEAT_INTERVAL": _milliseconds(heartbeat),
        "ETCD_ELECTION_TIMEOUT": _milliseconds(election),
        "ETCD_DATA_DIR": cluster.sourced("data_dir"),
        "ETCD_QUOTA_BACKEND_BYTES": cluster.sourced("quota"),
        "ETCD_AUTO_COMPACTION_MODE": because("periodic", "the lock's history is of no use after a while"),
        "ETCD_AUTO_COMPACTION_RETENTION": Sourced(f"{int(section.compaction)}s", cluster.sourced("compaction").origin),
        "ETCD_LOGGER": because("zap", "structured logs"),
        "ETCD_LOG_OUTPUTS": because("stderr", "the journal keeps them"),
    }
    if section.version == "3.6":
        values["ETCD_FEATURE_GATES"] = because("InitialCorruptCheck=true", "a member with damaged data does not join")
    else:
        values["ETCD_SNAPSHOT_COUNT"] = because(
            "10000", "what 3.6 does by itself: fewer entries in memory, and a slow member still catches up from the log"
        )
        values["ETCD_EXPERIMENTAL_INITIAL_CORRUPT_CHECK"] = because("true", "a member with damaged data does not join")
        values["ETCD_ENABLE_V2"] = because("false", "the old API is not used")
    return values | {
        name: Sourced(str(value), cluster.sourced("raw", name).origin) for name, value in section.raw.items()
    }


def _milliseconds(seconds: Sourced) -> Sourced:
    return Sourced(str(round(seconds.value * 1000)), seconds.origin)


def _url(endpoint: Endpoint) -> str:
    return f"{endpoint.scheme}://{endpoint.location}"


def _storage(data_dir: Sourced) -> tuple[tuple[str, Any], ...]:
    """Return the lines that make the data directory writable; below /var/lib systemd makes it too."""
    below = data_dir.value.removeprefix("/var/lib/")
    if below == data_dir.value:
        return (("ReadWritePaths", data_dir),)
    return ("StateDirectory", Sourced(below, data_dir.origin)), ("StateDirectoryMode", "0700")


def _unit(cluster: Cluster) -> Any:
    data_dir = cluster.sourced("data_dir")
    return unit(
        (
            "Unit",
            (
                ("Description", because(f"etcd, DCS of the cluster {cluster.name}", "")),
                ("Documentation", "https://etcd.io/docs/"),
                ("After", "network-online.target time-sync.target"),
                ("Wants", "network-online.target"),
                ("StartLimitIntervalSec", "0"),
            ),
        ),
        (
            "Service",
            (
                ("Type", "notify"),
                ("User", "etcd"),
                ("EnvironmentFile", ENVIRONMENT),
                ("EnvironmentFile", f"-{REJOIN}"),
                ("ExecStart", "/usr/bin/etcd"),
                ("Restart", "always"),
                ("RestartSec", "2"),
                ("TimeoutStartSec", "120"),
                ("LimitNOFILE", "65536"),
                ("OOMScoreAdjust", because("-900", "without a quorum no leader can be elected")),
                ("Nice", because("-10", "a late heartbeat costs an election")),
                ("IOSchedulingClass", "best-effort"),
                ("IOSchedulingPriority", "0"),
                ("CapabilityBoundingSet", ""),
                ("LockPersonality", "yes"),
                ("NoNewPrivileges", "yes"),
                ("PrivateDevices", "yes"),
                ("PrivateTmp", "yes"),
                ("ProtectControlGroups", "yes"),
                ("ProtectHome", "yes"),
                ("ProtectKernelModules", "yes"),
                ("ProtectKernelTunables", "yes"),
                ("ProtectSystem", "strict"),
                ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_NETLINK AF_UNIX"),
                ("RestrictSUIDSGID", "yes"),
                ("SystemCallArchitectures", "native"),
                *_storage(data_dir),
                ("RuntimeDirectory", "etcd"),
                ("RuntimeDirectoryPreserve", "yes"),
                ("UMask", "0077"),
            ),
        ),
        ("Install", (("WantedBy", "multi-user.target"),)),
        head=(f"etcd of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",),
    )
