"""Patroni's timers: what may be chosen, what must hold between them, how long writes stop after each fault.

Sources: Patroni, docs/dynamic_configuration.rst and docs/watchdog.rst; patroni/config.py (_validate_and_adjust_timeouts), patroni/ha.py,
patroni/watchdog/base.py, patroni/postgresql/__init__.py (_do_stop); the measurements of FACTS.md, section 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Site
from pgc.facts import Choice, Fact, Rule, TimeClaim
from pgc.provenance import Origin
from pgc.terms import Const, Constraint, Difference, Number, Open, Term, total, var
from pgc_patroni import layout
from pgc_patroni.section import PatroniSection

TTL, LOOP_WAIT, RETRY, START, STOP, REPLAY = (
    "ttl",
    "loop_wait",
    "retry_timeout",
    "primary_start_timeout",
    "primary_stop_timeout",
    "max_standby_streaming_delay",
)
MAXIMUM_LAG = "patroni.maximum_lag_bytes"

CANDIDATES: dict[str, tuple[tuple[Number, ...], int, str]] = {
    TTL: ((30, 26, 22, 20), 10, "Patroni's default"),
    LOOP_WAIT: ((10, 8, 5, 3, 2, 1), 20, "Patroni's default"),
    RETRY: ((10, 8, 6, 5), 25, "Patroni's default"),
    START: ((300, 120, 60, 30, 20, 15, 10, 5), 30, "Patroni's default"),
    STOP: ((60, 30, 20, 15, 10, 5), 35, "a shutdown checkpoint of an idle leader takes less"),
    REPLAY: ((30, 15, 10, 5, 3, 2, 1), 40, "PostgreSQL's default"),
}
"""Gentlest first, with rank and reason. Every ttl is even, so that half of it is whole (see `watchdog_timeout`). No retry_timeout below 5 s is
chosen, although Patroni allows 3: a leader that steps down at every hiccup of the DCS costs more than the seconds that it would save."""

FLOORS: dict[str, int] = {TTL: 20, LOOP_WAIT: 1, RETRY: 3}
"""Below these Patroni runs the floor instead of what is written. Source: _validate_and_adjust_timeouts."""

LEASE_CHECK_S = 0.5  # etcd looks for expired leases twice a second (etcd, server/lease/lessor.go, expiredLeaseRetry)
API_TIMEOUT_S = 2  # a member that does not answer is waited for in the race (ha.py, fetch_node_status: timeout=2)
PROMOTION_S = 0.5  # pg_ctl promote until writes are taken; measured 0.1 to 0.3 s besides max_standby_streaming_delay
RELEASE_S = 1  # the old leader waits before it gives the lock away (ha.py, demote: on_shutdown sleeps 1 s)
SAFEPOINT_S = 2  # until a stopping server has ended its sessions; an assumption, not measured
DEFAULT_LAG_BYTES = 1024**2
LAG_CANDIDATES = (DEFAULT_LAG_BYTES, 512 * 1024, 256 * 1024, 128 * 1024, 64 * 1024)


def name(field: str) -> str:
    """Return a timer's name among the open values."""
    return f"patroni.{field}_s"


def timer(field: str) -> Term:
    """Return a timer as a term."""
    return var(name(field))


def in_use(section: PatroniSection, site: Site) -> tuple[str, ...]:
    """Return the timers that count: primary_stop_timeout does nothing without synchronous mode."""
    synchronous = layout.mode(section, site).value != "off"
    return tuple(field for field in CANDIDATES if field != STOP or synchronous)


def contribute(section: PatroniSection, site: Site) -> Iterator[Fact]:
    """Give open values, the rules between them, and the time that each fault costs."""
    for field in in_use(section, site):
        candidates, rank, reason = CANDIDATES[field]
        value = Open(name(field), candidates, rank, "s", reason)
        given: Number | None = getattr(section, field)
        yield Choice(
            open=value if given is None else value.fix(given, "patroni", field), origin=site.origin("patroni", field)
        )
    yield from _lag(section, site)
    for constraint, fields in _constraints(section):
        if any(
            getattr(section, field) is None for field in fields
        ):  # set by hand altogether, they are judged in checks.py
            yield Rule(constraint=constraint, origin=site.origin("patroni", fields[0]))
    yield from _claims(section, site)


def watchdog_timeout(section: PatroniSection) -> Term:
    """Return after how many seconds without a sign of life the watchdog resets the host. Source: WatchdogConfig.timeout."""
    margin = section.watchdog.safety_margin
    if margin != "half":
        return Difference(timer(TTL), Const(margin))
    return Const(int(section.ttl // 2)) if section.ttl is not None else 0.5 * timer(TTL)


def _paths(*fields: str) -> tuple[tuple[str | int, ...], ...]:
    return tuple(("patroni", field) for field in fields)


def _constraints(section: PatroniSection) -> Iterator[tuple[Constraint, tuple[str, ...]]]:
    """Yield the rules between timers, with the timers that each is about. That the watchdog can be activated follows from the last."""
    fields = (TTL, LOOP_WAIT, RETRY)
    given = tuple(field for field in fields if getattr(section, field) is not None)
    yield (
        Constraint(
            "Patroni: loop_wait + 2 × retry_timeout ≤ ttl",
            total(timer(LOOP_WAIT), 2 * timer(RETRY)),
            timer(TTL),
            why="Patroni would shorten loop_wait and retry_timeout by itself and run something else than what is committed",
            paths=_paths(*given),
        ),
        fields,
    )
    if section.watchdog.mode != "off":
        yield (
            Constraint(
                "watchdog: no reset of a healthy host",
                total(timer(LOOP_WAIT), timer(RETRY), SAFEPOINT_S),
                watchdog_timeout(section),
                why="a leader that loses the DCS and steps down in time would be reset all the same",
                paths=_paths(*given),
            ),
            fields,
        )


def _lag(section: PatroniSection, site: Site) -> Iterator[Fact]:
    """Give maximum_lag_on_failover where it decides how much can be lost."""
    allowed = site.objectives.data_loss
    if layout.mode(section, site).value != "off" or allowed == "none":
        return
    value = Open(MAXIMUM_LAG, LAG_CANDIDATES, 70, "B", "Patroni's default")
    given = section.maximum_lag_on_failover
    origin = site.origin("patroni", "maximum_lag_on_failover")
    yield Choice(open=value if given is None else value.fix(given, "patroni", "maximum_lag_on_failover"), origin=origin)
    yield Rule(
        constraint=Constraint(
            "loss at a failover is within objectives.data_loss",
            total(var(MAXIMUM_LAG), site.objectives.wal_rate * timer(TTL)),
            Const(allowed),
            why="a standby that lags by this much may take over, and what the leader wrote during its last ttl may not have reached it",
            paths=(("objectives", "data_loss"),),
            hard=False,
            unit="B",
        ),
        origin=origin,
    )


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _claims(section: PatroniSection, site: Site) -> Iterator[Fact]:
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
        ("two faults at once", "a second fault may take what the first one's cure needs"),
    ):
        yield TimeClaim(fault=fault, what="nothing that a timer ends", seconds=None, why=why)
