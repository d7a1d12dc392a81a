"""Timers and the watchdog. Only what was set by hand is judged here: what is derived obeys the rules of timers.py."""

from __future__ import annotations

import math
from collections.abc import Iterator

from pgc.cluster import Cluster
from pgc.diagnostics import Finding, Path
from pgc.terms import Number
from pgc_patroni import timers
from pgc_patroni.codes import PAT001, PAT002, PAT004, PAT005, PAT006, PAT007

AT = Path(("patroni",))


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection to timers."""
    section = cluster.section
    for field in timers.CANDIDATES:
        given: Number | None = getattr(section, field)
        if given is None:
            continue
        floor = timers.FLOORS.get(field, 0)
        if field != timers.REPLAY and given != int(given):
            yield PAT002.at(
                AT / field,
                field=field,
                given=given,
                down=max(floor, math.floor(given)),
                up=max(floor, math.ceil(given)),
            )
        elif given < floor:
            yield PAT001.at(AT / field, field=field, given=given, floor=floor)
    yield from _together(cluster)
    margin = section.watchdog.safety_margin
    if section.watchdog.mode != "off" and margin != "half":
        if margin != int(margin):
            least = max(timers.SAFEPOINT_S, math.floor(margin))
            yield PAT002.at(
                AT / "watchdog" / "safety_margin",
                field="watchdog.safety_margin",
                given=margin,
                down=least,
                up=math.ceil(margin),
            )
        elif margin < timers.SAFEPOINT_S:
            yield PAT007.at(AT / "watchdog" / "safety_margin", given=margin, least=timers.SAFEPOINT_S)


def _together(cluster: Cluster) -> Iterator[Finding]:
    """Judge ttl, loop_wait and retry_timeout where all three were set; otherwise the open ones were chosen to fit."""
    section = cluster.section
    ttl, loop_wait, retry = section.ttl, section.loop_wait, section.retry_timeout
    if ttl is None or loop_wait is None or retry is None:
        return
    places = (AT / "ttl", AT / "loop_wait", AT / "retry_timeout")
    floor = loop_wait + 2 * retry
    if floor > ttl:
        yield PAT004.at(*places, ttl=ttl, floor=floor, loop_wait=loop_wait, retry_timeout=retry)
    if section.watchdog.mode == "off":
        return
    timeout = timers.watchdog_timeout(section).evaluate({timers.name(timers.TTL): ttl})
    where = (AT / "watchdog" / "safety_margin", *places)
    if timeout < loop_wait:
        yield PAT005.at(*where, timeout=timeout, loop_wait=loop_wait)
    elif timeout < loop_wait + retry + timers.SAFEPOINT_S:
        yield PAT006.at(*where, timeout=timeout, stop=timers.SAFEPOINT_S, needed=loop_wait + retry + timers.SAFEPOINT_S)
