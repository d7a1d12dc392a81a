"""Which layer owns a PostgreSQL parameter: the dynamic configuration in the DCS, or a host's own file. Never both.

* What Patroni takes from the dynamic configuration alone (Release.dynamic_only) is dynamic.
* What any host has a value of its own for is local, on every host.
* All else is dynamic: one place, applied everywhere at once.

Recovery parameters (restore_command and the like) stand in `recovery_conf` of their layer.
Source: patroni/config.py, _process_postgresql_parameters: local values of the first kind are ignored; else local wins over dynamic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pgc.cluster import Cluster
from pgc.facts import Parameter, Preload
from pgc.provenance import Origin, Sourced
from pgc.terms import Number
from pgc_patroni import catalogue, layout
from pgc_patroni.catalogue import Release

PRELOAD = "shared_preload_libraries"

SIZES: dict[str, tuple[int, int]] = {"B": (0, 1), "kB": (1, 1), "8kB": (1, 8), "MB": (2, 1), "GB": (3, 1), "TB": (4, 1)}
SIZE_UNITS = ("B", "kB", "MB", "GB", "TB")
TIMES = {"us": 1, "ms": 1000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's parameters."""

    parameters: dict[str, Sourced] = field(default_factory=dict)
    recovery: dict[str, Sourced] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """Return what stands below `postgresql`."""
        found: dict[str, Any] = {"parameters": dict(sorted(self.parameters.items()))} if self.parameters else {}
        return found | ({"recovery_conf": dict(sorted(self.recovery.items()))} if self.recovery else {})


@dataclass(frozen=True, slots=True)
class Layers:
    """All layers of a cluster; `local` by host."""

    dynamic: Layer
    local: Mapping[str, Layer]


def major(cluster: Cluster) -> int:
    """Return the major version of PostgreSQL; all hosts have the same."""
    hosts = layout.members(cluster.site)
    return layout.Server(hosts[0], cluster.facts).major if hosts else layout.OLDEST


def split(cluster: Cluster) -> Layers:
    """Put every parameter into its layer."""
    release, version = catalogue.of(cluster.section.version), major(cluster)
    hosts = layout.members(cluster.site)
    shared: dict[str, Parameter] = {}
    own: dict[str, dict[str, Parameter]] = {}
    for fact in cluster.facts.all(Parameter):
        if fact.name in release.never:
            continue
        if fact.host:
            own.setdefault(fact.name, {})[fact.host] = fact
        else:
            shared[fact.name] = fact
    dynamic, local = Layer(), {host.name: Layer() for host in hosts}
    for name, fact in shared.items():
        if name not in own or name in release.dynamic_only:
            _put(dynamic, release, version, fact)
        else:
            for host in hosts:
                _put(local[host.name], release, version, own[name].get(host.name, fact))
    for name, by_host in own.items():
        if name not in shared and name not in release.dynamic_only:
            for host_name, fact in by_host.items():
                if host_name in local:
                    _put(local[host_name], release, version, fact)
    _preload(cluster.facts.all(Preload), dynamic, local)
    return Layers(dynamic, local)


def _put(layer: Layer, release: Release, version: int, fact: Parameter) -> None:
    value = Sourced(show(fact.value, release.unit(fact.name, version)), fact.origin)
    recovers = fact.name in release.recovery_parameters and fact.name not in release.parameters
    (layer.recovery if recovers else layer.parameters)[fact.name] = value


def _preload(libraries: Iterable[Preload], dynamic: Layer, local: Mapping[str, Layer]) -> None:
    """Write the libraries in the order in which they must be loaded, behind those that were named as a parameter."""
    facts = sorted(libraries, key=lambda each: (each.order, each.library))
    if not facts or any(PRELOAD in layer.parameters for layer in local.values()):
        return
    before = dynamic.parameters.get(PRELOAD)
    names = [name.strip() for name in str(before.value).split(",") if name.strip()] if before is not None else []
    ordered = dict.fromkeys([*(each.library for each in facts), *names])
    paths = dict.fromkeys(
        path
        for origin in (*((before.origin,) if before else ()), *(each.origin for each in facts))
        for path in origin.paths
    )
    dynamic.parameters[PRELOAD] = Sourced(
        ", ".join(ordered), Origin(tuple(paths), "the libraries that must be loaded first come first")
    )


def show(value: Any, unit: str) -> Any:
    """Write a value in PostgreSQL's base unit the way people write it: 524288 of 8 kB is 4GB. Zero and below are words, not amounts."""
    if value is True or value is False:
        return "on" if value else "off"
    if isinstance(value, str) or not unit or value <= 0:
        return value
    if unit in TIMES:
        return _show_time(value, unit)
    return _show_size(value, unit)


def _show_time(value: Number, unit: str) -> Any:
    amount = value * TIMES[unit]
    for name in ("d", "h", "min", "s", "ms", "us"):
        if amount >= TIMES[name] and amount % TIMES[name] == 0:
            return f"{int(amount // TIMES[name])}{name}"
    return value


def _show_size(value: Number, unit: str) -> Any:
    if unit not in SIZES or value != int(value):
        return value
    power, factor = SIZES[unit]
    amount = int(value) * factor
    while amount % 1024 == 0 and power < len(SIZE_UNITS) - 1:
        amount, power = amount // 1024, power + 1
    return f"{amount}{SIZE_UNITS[power]}"
