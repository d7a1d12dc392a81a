"""What etcd tells the others."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import (
    Budget,
    Choice,
    DiskClaim,
    Endpoint,
    Fact,
    Facts,
    HealthCheck,
    MemoryClaim,
    Package,
    Rule,
    ScrapeTarget,
    Service,
    TimeClaim,
)
from pgc.fields import show_size
from pgc.provenance import Origin
from pgc.terms import Const, Constraint, Open, var
from pgc_etcd.client import Client
from pgc_etcd.maintenance import TIMER
from pgc_etcd.section import EtcdSection

HEARTBEAT = "etcd.heartbeat_s"
ELECTION = "etcd.election_s"
HEARTBEATS_AN_ELECTION = 10
ELECTIONS_UNTIL_A_LEADER = 3
DISK, USABLE = "dcs", 0.9


def contribute(section: EtcdSection, site: Site, members: tuple[Host, ...]) -> Iterator[Fact]:
    """Give everything that does not depend on others."""
    yield from _timers(section, site)
    for host in members:
        origin = Origin((host.path / "roles",) if host.roles_given else (), "has the role dcs")
        yield Service(host=host.name, unit="etcd.service", role="dcs", user="etcd", description="etcd", origin=origin)
        yield Service(
            host=host.name,
            unit=TIMER,
            role="dcs-maintenance",
            description="weekly copy and defragmentation of the etcd member",
            origin=origin,
        )
        yield Package(host=host.name, component="etcd", version=section.version, origin=site.origin("etcd", "version"))
        yield MemoryClaim(
            host=host.name, what="etcd", claim_bytes=_memory(section), origin=site.origin("etcd", "quota")
        )
        yield DiskClaim(
            host=host.name,
            disk=DISK,
            what="etcd: database, a copy while it is defragmented, log",
            claim_bytes=2 * section.quota,
            origin=site.origin("etcd", "quota"),
        )
        if DISK in host.disks:
            size = host.disks[DISK].size
            yield Budget(
                of="DiskClaim",
                pool=f"{host.name}/{DISK}",
                limit=int(size * USABLE),
                what=f"disk {DISK} of {host.name} ({show_size(size)} less a tenth)",
                origin=Origin(
                    (host.path / "disks" / DISK / "size",), "nine tenths are used: a full disk stops the member"
                ),
            )


def _timers(section: EtcdSection, site: Site) -> Iterator[Fact]:
    trip = section.round_trip
    heartbeat = Open(HEARTBEAT, candidates(trip), 46, "s", "etcd's default")
    origin = site.origin("etcd", "round_trip")
    if section.heartbeat is not None:
        heartbeat, origin = heartbeat.fix(section.heartbeat, "etcd", "heartbeat"), site.origin("etcd", "heartbeat")
    yield Choice(open=heartbeat, origin=origin)
    if section.election is not None:
        value = Open(
            ELECTION, tuple(HEARTBEATS_AN_ELECTION * each for each in candidates(trip)), 45, "s", "ten heartbeats"
        )
        yield Choice(open=value.fix(section.election, "etcd", "election"), origin=site.origin("etcd", "election"))
    election = var(ELECTION) if section.election is not None else HEARTBEATS_AN_ELECTION * var(HEARTBEAT)
    paths = tuple(tuple(path) for path in origin.paths)
    yield Rule(
        constraint=Constraint(
            "etcd: a heartbeat takes at least a round trip",
            Const(trip),
            var(HEARTBEAT),
            why="members would miss heartbeats of a healthy leader and hold elections for nothing",
            paths=(("etcd", "round_trip"), *paths),
        ),
        origin=origin,
    )
    yield Rule(
        constraint=Constraint(
            "etcd: the election timeout is at least ten round trips",
            Const(10 * trip),
            election,
            why="elections would be held for nothing when the network is busy",
            paths=(("etcd", "round_trip"), *paths),
        ),
        origin=origin,
    )
    yield Rule(
        constraint=Constraint(
            "etcd: the election timeout is at least five heartbeats",
            5 * var(HEARTBEAT),
            election,
            why="etcd refuses to start",
            paths=paths,
        ),
        origin=origin,
    )
    yield TimeClaim(
        fault="host and DCS leader lost",
        what="the DCS elects a leader, which renews every lease",
        stage=15,
        seconds=ELECTIONS_UNTIL_A_LEADER * election,
        why="three election timeouts: the first may split its votes",
        origin=origin,
    )
    yield TimeClaim(
        fault="DCS quorum lost",
        what="no lock can be renewed",
        seconds=None,
        why="the majority of the DCS members is gone: only their return ends it, "
        "and the leader steps down unless it reaches every other member (failsafe)",
    )


def candidates(round_trip_s: float) -> tuple[float, ...]:
    """Return heartbeat intervals in seconds that fit a round trip, etcd's default first.

    Source: etcd, tuning: a heartbeat around the round trip, 0.5 to 1.5 times; the election timeout at least ten round trips.
    """
    if round_trip_s > 0.1:
        return (math.ceil(round_trip_s * 20) / 20,)
    return tuple(interval for interval in (0.1, 0.05) if interval >= round_trip_s)


def _memory(section: EtcdSection) -> int:
    """Return bytes: the memory-mapped database up to its quota's half in practice, and the log entries held in memory."""
    return int(min(section.quota, 512 * 1024**2) + 256 * 1024**2)


def derive(section: EtcdSection, members: tuple[Host, ...], known: Facts) -> Iterator[Fact]:
    """Give the endpoints and how to see that all is well; a certificate on the host makes them https."""
    client = Client(section, members, known)
    yield HealthCheck(
        name="DCS members",
        on=members[0].name,
        command=f"{client.every()} endpoint health",
        healthy=f"`is healthy` for each of {len(members)}" if len(members) > 1 else "`is healthy`",
    )
    for host in members:
        details = (("api", "etcd3"), ("member", host.name))
        path = host.path / "address"
        for offers, key, port in (
            ("dcs.client", "client_port", section.client_port),
            ("dcs.peer", "peer_port", section.peer_port),
        ):
            yield Endpoint(
                host=host.name,
                offers=offers,
                address=host.address,
                port=port,
                scheme=client.scheme(host),
                details=details,
                origin=Origin((Path(("etcd", key)), path), "an etcd member"),
            )
        yield ScrapeTarget(
            host=host.name,
            job="etcd",
            address=host.address,
            port=section.metrics_port,
            scheme="http",
            origin=Origin((Path(("etcd", "metrics_port")), path), "an etcd member"),
            exports=(
                "etcd_server_has_leader",
                "etcd_server_leader_changes_seen_total",
                "etcd_disk_wal_fsync_duration_seconds",
                "etcd_mvcc_db_total_size_in_bytes",
                "etcd_server_quota_backend_bytes",
            ),
        )
