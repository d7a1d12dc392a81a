"""The dynamic configuration: what lives in the DCS and holds for all members at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pgc.cluster import Cluster
from pgc.diagnostics import Path
from pgc.fields import show_duration
from pgc.provenance import Origin, Sourced, because
from pgc_patroni import layout, timers
from pgc_patroni.layers import Layer

REPLICATION = {"quorum": "quorum", "on": True, "off": False}
"""How Patroni spells the mode. Patroni 3.3 reads the word `quorum` as off: checks.py refuses that pair."""


def configuration(cluster: Cluster, layer: Layer) -> dict[str, Any]:
    """Return what `patronictl edit-config --replace` applies, which is also what the first start puts into the DCS."""
    section, site = cluster.section, cluster.site
    data: dict[str, Any] = {}
    for field in (timers.TTL, timers.LOOP_WAIT, timers.RETRY, timers.START, timers.STOP):
        if field in timers.in_use(section, site):
            data[field] = cluster.value(timers.name(field))
    data["maximum_lag_on_failover"] = maximum_lag(cluster)
    data |= _synchronous(cluster)
    data["failsafe_mode"] = cluster.sourced("failsafe")
    data["check_timeline"] = because(True, "a standby on an older timeline never leads")
    if section.version != "3.3":
        ttl = cluster.sourced("member_slots_ttl")
        data["member_slots_ttl"] = Sourced(show_duration(ttl.value) if ttl.value else 0, ttl.origin)
    data["postgresql"] = {
        "use_pg_rewind": because(True, "a former leader rejoins without a new copy"),
        "use_slots": because(True, "WAL that a member still needs is kept"),
        **layer.data(),
    }
    if section.slots:
        data["slots"] = {name: _words(cluster, "slots", name) for name in section.slots}
    if section.ignore_slots:
        data["ignore_slots"] = [_words(cluster, "ignore_slots", index) for index in range(len(section.ignore_slots))]
    return overlaid(data, section.raw.get("dynamic") or {}, cluster, "dynamic")


SYNCHRONOUS_LAG_BYTES = 1024**3
"""Patroni applies maximum_lag_on_failover in synchronous modes too. Source: patroni/ha.py, _is_healthiest_node, is_lagging."""


def maximum_lag(cluster: Cluster) -> Sourced:
    """Return maximum_lag_on_failover in bytes: settled where it decides what is lost, else as given or Patroni's default."""
    if timers.MAXIMUM_LAG in cluster.settled:
        return cluster.value(timers.MAXIMUM_LAG)
    given = cluster.section.maximum_lag_on_failover
    if given is not None:
        return cluster.sourced("maximum_lag_on_failover")
    if layout.mode(cluster.section, cluster.site).value != "off":
        return because(
            SYNCHRONOUS_LAG_BYTES,
            "who may lead is decided by the acknowledged transactions; a small limit could leave nobody while WAL comes fast",
        )
    return because(timers.DEFAULT_LAG_BYTES, "Patroni's default")


def _synchronous(cluster: Cluster) -> dict[str, Any]:
    section, site = cluster.section, cluster.site
    mode = layout.mode(section, site)
    data: dict[str, Any] = {"synchronous_mode": Sourced(REPLICATION[mode.value], mode.origin)}
    if mode.value == "off":
        return data
    data["synchronous_mode_strict"] = layout.strict(section, site)
    data["synchronous_node_count"] = cluster.sourced("synchronous", "nodes")
    if section.synchronous.maximum_lag is not None:
        data["maximum_lag_on_syncnode"] = cluster.sourced("synchronous", "maximum_lag")
    return data


def _words(cluster: Cluster, field: str, key: str | int) -> dict[str, Any]:
    """Return the words of a slot that were given."""
    slot = getattr(cluster.section, field)[key]
    words = {name: getattr(slot, name) for name in ("name", "type", "database", "plugin") if hasattr(slot, name)}
    return {
        name: Sourced(value, cluster.site.origin("patroni", field, key, name))
        for name, value in words.items()
        if value is not None
    }


def overlaid(data: Mapping[str, Any], raw: Mapping[str, Any], cluster: Cluster, *at: str) -> dict[str, Any]:
    """Return data with raw settings laid over it, each with the manifest path that has it. `at` is the place below `patroni.raw`."""
    if not raw:
        return dict(data)
    result = dict(data)
    for key, value in raw.items():
        before = result.get(key)
        if isinstance(value, Mapping) and (before is None or isinstance(before, Mapping)):
            result[key] = overlaid(before or {}, value, cluster, *at, key)
        else:
            result[key] = Sourced(value, Origin((Path(("patroni", "raw", *at, key)),), "passed as it is"))
    return result
