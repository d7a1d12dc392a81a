"""PostgreSQL's parameters as Patroni takes them: those that it owns, those that it drops, those that it raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pgc.cluster import Cluster
from pgc.diagnostics import Finding, Path
from pgc.facts import HbaRule, IdentRule, Parameter
from pgc_patroni import catalogue, layers, layout
from pgc_patroni.catalogue import Release
from pgc_patroni.codes import PAT020, PAT021, PAT022, PAT023, PAT024

CONTROL = re.compile("[\x00-\x1f\x7f]")
MANAGED: dict[str, str] = {
    "listen_addresses": "",
    "port": ": set postgres.port",
    "cluster_name": ": set patroni.scope",
    "hot_standby": "",
    "hba_file": ": set postgres.hba",
    "ident_file": ": set postgres.ident",
    "data_directory": "",
    "config_file": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "recovery_target": "",
    "recovery_target_action": "",
    "recovery_target_inclusive": "",
    "recovery_target_lsn": "",
    "recovery_target_name": "",
    "recovery_target_time": "",
    "recovery_target_timeline": "",
    "recovery_target_xid": "",
    "promote_trigger_file": "",
    "standby_mode": "",
    "trigger_file": "",
    "wal_keep_segments": ": set wal_keep_size",
}
"""Parameters that Patroni sets or files that it writes, and what to set instead. Sources: patroni/postgresql/config.py, CMDLINE_OPTIONS,
build_recovery_params, replace_pg_hba, write_postgresql_conf."""


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection to a parameter."""
    release, major = catalogue.of(cluster.section.version), layers.major(cluster)
    managed = dict(MANAGED)
    if layout.mode(cluster.section, cluster.site).value != "off":
        managed["synchronous_standby_names"] = ": set patroni.synchronous.nodes"
    for fact in cluster.facts.all(Parameter):
        yield from _one(fact, release, major, managed)
    for rule in cluster.facts.all(HbaRule):
        words = (
            rule.database,
            rule.user,
            rule.address,
            rule.method,
            *(word for option in rule.options for word in option),
        )
        yield from _lines(rule, f"the rule of client authentication for {rule.user}", words)
    for ident in cluster.facts.all(IdentRule):
        yield from _lines(ident, f"the map {ident.map}", (ident.system, ident.role))


def _one(fact: Parameter, release: Release, major: int, managed: dict[str, str]) -> Iterator[Finding]:
    places, name = fact.origin.paths or (Path(),), fact.name
    if name in managed:
        yield PAT020.at(*places, name=name, value=fact.value, instead=managed[name])
    elif not release.knows(name, major):
        known = {*release.parameters, *release.owned, *catalogue.described(major)}
        close = get_close_matches(name, known, 1)
        yield PAT022.at(
            *places,
            name=name,
            version=release.version,
            major=major,
            hint=f"; did you mean {close[0]}?" if close else "",
        )
    elif name in release.dynamic_only:
        if fact.host:
            yield PAT024.at(*places, name=name, host=fact.host)
        yield from _minimum(fact, release, places)
    yield from _lines(fact, name, (name, fact.value))


def _minimum(fact: Parameter, release: Release, places: tuple[Path, ...]) -> Iterator[Finding]:
    """Below its minimum Patroni returns to its default. Source: patroni/config.py, _process_postgresql_parameters."""
    row = release.owned[fact.name]
    least, unit = row.get("min"), row.get("unit", "")
    amount = amount_of(fact.value, unit)
    if least is not None and amount is not None and amount < least:
        yield PAT021.at(
            *places, name=fact.name, value=fact.value, least=f"{least}{unit}", default=row.get("default", "?")
        )


def amount_of(value: Any, unit: str) -> float | None:
    """Return a number in a unit; a text without one counts in it already. None where it is no amount."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(-?[0-9.]+)\s*([A-Za-z]*)\s*", value)
    if not found:
        return None
    given = found[2] or unit
    if not unit or given == unit:
        return float(found[1])
    if given not in layers.SIZES or unit not in layers.SIZES:
        return None
    (power, factor), (wanted, size) = layers.SIZES[given], layers.SIZES[unit]
    return float(found[1]) * factor * 1024.0 ** (power - wanted) / size


def _lines(fact: Parameter | HbaRule | IdentRule, what: str, words: tuple[Any, ...]) -> Iterator[Finding]:
    if any(isinstance(word, str) and CONTROL.search(word) for word in words):
        yield PAT023.at(*(fact.origin.paths or (Path(),)), what=what)
