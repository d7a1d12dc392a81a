"""How long writes stop after each fault, as far as Patroni decides it.

Sources: Patroni, docs/dynamic_configuration.rst; patroni/ha.py, patroni/postgresql/__init__.py (_do_stop); FACTS.md, section 1 (measured).
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Site
from pgc.facts import TimeClaim
from pgc.provenance import Origin
from pgc.terms import total
from pgc_patroni import layout
from pgc_patroni.section import PatroniSection
from pgc_patroni.timers import LOOP_WAIT, REPLAY, START, STOP, TTL, timer

LEASE_CHECK_S = 0.5  # etcd looks for expired leases twice a second (etcd, server/lease/lessor.go, expiredLeaseRetry)
API_TIMEOUT_S = 2  # a member that does not answer is waited for in the race (ha.py, fetch_node_status: timeout=2)
PROMOTION_S = 0.5  # pg_ctl promote until writes are taken; measured 0.1 to 0.3 s besides max_standby_streaming_delay
RELEASE_S = 1  # the old leader waits before it gives the lock away (ha.py, demote: on_shutdown sleeps 1 s)


def contribute(section: PatroniSection, site: Site) -> Iterator[TimeClaim]:
    """Give the time that each fault costs."""
    lock = Origin((), "the lock's life and the pause between two looks")
    for fault in ("host lost", "host and DCS leader lost", "network cut"):
        yield TimeClaim(
            fault=fault,
            what="the leader's lock expires",
            stage=10,
            seconds=timer(TTL) + LEASE_CHECK_S,
            origin=lock,
            why="the lock was renewed just before the fault; the DCS looks for expired leases every 0.5 s",
        )
        yield _election(fault, lock)
        yield _promotion(fault, section, site)
    crash = timer(LOOP_WAIT) if section.primary_start_timeout == 0 else timer(LOOP_WAIT) + timer(START)
    yield TimeClaim(
        fault="postgres crashed",
        what="the crash is seen, and a restart is given its time",
        stage=10,
        seconds=crash,
        origin=lock,
        why="crash recovery on the same host may be quicker than a failover, but not surely",
    )
    yield _election("postgres crashed", lock)
    yield _promotion("postgres crashed", section, site)
    yield from _switchover(section, site)
    yield _standby_lost(section, site)
    yield from _unbounded()


def _election(fault: str, origin: Origin) -> TimeClaim:
    return TimeClaim(
        fault=fault,
        what="the standbys elect a leader",
        stage=20,
        seconds=timer(LOOP_WAIT) + API_TIMEOUT_S,
        origin=origin,
        why="a standby looks at least every loop_wait, and waits 2 s for a member that does not answer",
    )


def _promotion(fault: str, section: PatroniSection, site: Site) -> TimeClaim:
    """While a query holds up replay, WAL piles up at the peak rate and is replayed afterwards."""
    share = 1 + site.objectives.wal_rate / section.replay_rate
    return TimeClaim(
        fault=fault,
        what="the new leader replays what it has and takes writes",
        stage=30,
        seconds=total(round(share, 3) * timer(REPLAY), PROMOTION_S),
        origin=Origin((), "max_standby_streaming_delay and what piled up meanwhile"),
        why="a query on the standby may hold up replay for max_standby_streaming_delay, and the WAL of that time is replayed then",
    )


def _switchover(section: PatroniSection, site: Site) -> Iterator[TimeClaim]:
    origin = site.origin("patroni", STOP)
    if layout.mode(section, site).value == "off":
        yield TimeClaim(
            fault="switchover",
            what="the old leader stops",
            stage=10,
            seconds=None,
            origin=origin,
            why="a leader may take any time for its shutdown checkpoint; primary_stop_timeout bounds it in synchronous mode only",
        )
        return
    waits = 1 if section.watchdog.mode == "off" else 2
    yield TimeClaim(
        fault="switchover",
        what="the old leader stops and gives the lock away",
        stage=10,
        seconds=waits * timer(STOP) + RELEASE_S,
        origin=origin,
        why="sessions end, the shutdown checkpoint is written and reaches a standby"
        + ("; with a watchdog either half has primary_stop_timeout" if waits == 2 else ""),
    )
    yield TimeClaim(
        fault="switchover",
        what="the candidate takes the lock",
        stage=20,
        seconds=API_TIMEOUT_S,
        origin=origin,
        why="it watches the lock, and waits 2 s for a member that does not answer",
    )
    yield _promotion("switchover", section, site)


def _standby_lost(section: PatroniSection, site: Site) -> TimeClaim:
    """Say how long commits wait once a synchronous standby is gone (measured: 21.3 s at 20/2/6 for the only one)."""
    mode, strict = layout.mode(section, site), layout.strict(section, site)
    confirming = sum(layout.may_confirm(layout.tags_of(section, host)) for host in layout.members(site))
    left = confirming - 2  # the leader does not confirm to itself, and one standby is gone
    count = section.synchronous.nodes
    origin = mode.origin
    if mode.value == "off":
        return TimeClaim(
            fault="synchronous standby lost",
            what="nothing waits",
            stage=10,
            seconds=0,
            origin=origin,
            why="replication is asynchronous",
        )
    if mode.value == "quorum" and left >= count:
        return TimeClaim(
            fault="synchronous standby lost",
            what="another standby confirms",
            stage=10,
            seconds=0,
            origin=origin,
            why=f"any {count} of the standbys may confirm a commit, and {left} are left",
        )
    if left < count and strict.value:
        return TimeClaim(
            fault="synchronous standby lost",
            what="commits wait for a standby",
            stage=10,
            seconds=None,
            origin=strict.origin,
            why="strict mode lets no commit pass until a standby is back",
        )
    return TimeClaim(
        fault="synchronous standby lost",
        what="the leader stops waiting for it",
        stage=10,
        origin=origin,
        seconds=timer(TTL) + timer(LOOP_WAIT) + LEASE_CHECK_S,
        why="its key in the DCS expires, and the leader sees that at its next look",
    )


def _unbounded() -> Iterator[TimeClaim]:
    for fault, why in (
        (
            "postmaster frozen",
            "a server that is stopped but not gone keeps its health check well (measured: 84 s and more)",
        ),
        ("disk full", "PostgreSQL stops at a full disk on every host that follows too; only room ends it"),
        ("one-way cut", "a leader that reaches the DCS but not its clients keeps the lock"),
        (
            "candidate far behind in replay",
            "WAL that a standby has received must be replayed before it takes writes; "
            "after a bulk load nothing bounds that: watch replay lag",
        ),
        ("two faults at once", "a second fault may take what the first one's cure needs"),
    ):
        yield TimeClaim(fault=fault, what="nothing that a timer ends", seconds=None, why=why)
