"""Patroni's timers: what may be chosen, what must hold between them, how long writes stop after each fault.

Sources: Patroni, docs/dynamic_configuration.rst and docs/watchdog.rst; patroni/config.py (_validate_and_adjust_timeouts), patroni/ha.py,
patroni/watchdog/base.py, patroni/postgresql/__init__.py (_do_stop); the measurements of FACTS.md, section 1.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Site
from pgc.facts import Choice, Fact, Rule
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
"""Gentlest first, with rank and reason. Every ttl is even, so that half of it is whole (see `watchdog_timeout`).

No retry_timeout below 5 s is chosen, although Patroni allows 3: a leader that steps down at every hiccup of the DCS costs more
than the seconds that it would save.
"""

FLOORS: dict[str, int] = {TTL: 20, LOOP_WAIT: 1, RETRY: 3}
"""Below these Patroni runs the floor instead of what is written. Source: _validate_and_adjust_timeouts."""

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
    """Give the open values and the rules between them."""
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
    if layout.mode(section, site).value != "off" or isinstance(allowed, str):
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
