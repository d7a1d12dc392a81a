"""Who may lead, who confirms, what is left after a loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import get_close_matches

from pgc.cluster import Cluster, Host
from pgc.diagnostics import Finding, Path
from pgc_patroni import layout, timers
from pgc_patroni.codes import (
    PAT003,
    PAT008,
    PAT009,
    PAT010,
    PAT011,
    PAT012,
    PAT013,
    PAT014,
    PAT015,
    PAT016,
    PAT017,
    PAT018,
)
from pgc_patroni.section import HostTags

AT = Path(("patroni",))
MODE = AT / "synchronous" / "mode"
TAGS = AT / "hosts"


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection to the replication mode and the tags."""
    members = layout.members(cluster.site)
    yield from _mode(cluster)
    yield from _leaders(cluster, members)
    yield from _survivors(cluster, members)
    yield from _tags(cluster, members)


def _mode(cluster: Cluster) -> Iterator[Finding]:
    section, none = cluster.section, cluster.site.objectives.data_loss == "none"
    mode = layout.mode(section, cluster.site).value
    if mode == "quorum" and section.version == "3.3":
        yield PAT003.at(MODE, AT / "version", version=section.version)
    if mode == "off" and none:
        yield PAT012.at(MODE, layout.DATA_LOSS, ttl=cluster.value(timers.name(timers.TTL)).value)
    elif none and not layout.strict(section, cluster.site).value:
        yield PAT013.at(AT / "synchronous" / "strict", layout.DATA_LOSS)


def _leaders(cluster: Cluster, members: tuple[Host, ...]) -> Iterator[Finding]:
    able = {host.name for host in members if layout.may_lead(layout.tags_of(cluster.section, host))}
    kept = tuple(TAGS / host.name for host in members if host.name not in able)
    if not able:
        yield PAT008.at(*kept, count=len(members))
    elif len(able) == 1 and len(members) > 1:
        yield PAT009.at(*kept, name=next(iter(able)), count=len(members))


def _survivors(cluster: Cluster, members: tuple[Host, ...]) -> Iterator[Finding]:
    """Judge what strict mode needs after a loss: a leader and as many standbys as confirm.

    After the loss of a host always; after that of a zone where there are three.
    """
    section, site = cluster.section, cluster.site
    if (
        layout.mode(section, site).value == "off"
        or not layout.strict(section, site).value
        or section.synchronous.accept_stall
    ):
        return
    confirming = [host for host in members if layout.may_confirm(layout.tags_of(section, host))]
    needed = section.synchronous.nodes + 1
    if len(confirming) - 1 < needed:
        places = [
            AT / "synchronous" / "nodes",
            *(TAGS / host.name for host in members if not layout.may_confirm(layout.tags_of(section, host))),
        ]
        given = [each for each in places if site.given(*each)] or [Path(("hosts",)), layout.DATA_LOSS]
        yield PAT010.at(*given, confirming=len(confirming), needed=needed, needed_all=needed + 1)
        return
    zones = {(host.datacenter, host.zone) for host in site.hosts}
    held = Counter((host.datacenter, host.zone) for host in confirming)
    if len(zones) < 3:
        return  # two zones bear no loss of the larger one, whatever is placed where: the DCS says so
    for (datacenter, zone), count in sorted(held.items()):
        left = len(confirming) - count
        if left < needed:
            places = [host.path / "zone" for host in confirming if (host.datacenter, host.zone) == (datacenter, zone)]
            yield PAT011.at(
                *places,
                zone=zone,
                held=count,
                confirming=len(confirming),
                needed=needed,
                left=left,
                zones=len(zones),
                most=len(confirming) - needed,
            )


def _tags(cluster: Cluster, members: tuple[Host, ...]) -> Iterator[Finding]:
    names = [host.name for host in members]
    mode = layout.mode(cluster.section, cluster.site).value
    for name, given in cluster.section.hosts.items():
        if name not in names:
            close = get_close_matches(name, names, 1)
            yield PAT014.at(
                TAGS / name, name=name, hint=f"; did you mean {close[0]}?" if close else "", known=", ".join(names)
            )
            continue
        yield from _one(cluster, name, given, mode)
        yield from _cascade(cluster, name, given, names)


def _one(cluster: Cluster, name: str, given: HostTags, mode: str) -> Iterator[Finding]:
    for switch, priority, works in (
        ("nofailover", "failover_priority", mode != "quorum"),
        ("nosync", "sync_priority", mode == "on"),
    ):
        value: int | None = getattr(given, priority)
        if value is None:
            continue
        if getattr(given, switch) and value > 0:
            yield PAT015.at(
                TAGS / name / priority, TAGS / name / switch, host=name, switch=switch, priority=priority, value=value
            )
        elif priority == "sync_priority" and cluster.section.version != "4.1":
            yield PAT016.at(TAGS / name / priority, AT / "version", version=cluster.section.version)
        elif not works and value > 0:
            yield PAT017.at(TAGS / name / priority, host=name, field=priority, value=value, mode=mode)


def _cascade(cluster: Cluster, name: str, given: HostTags, names: list[str]) -> Iterator[Finding]:
    source = given.replicatefrom
    if source is None:
        return
    seen, at = {name}, source
    while at in cluster.section.hosts and cluster.section.hosts[at].replicatefrom and at not in seen:
        seen.add(at)
        at = cluster.section.hosts[at].replicatefrom
    problem = ""
    if source not in names:
        problem = "which is no database host"
    elif source == name:
        problem = "which is itself"
    elif at in seen:
        problem = "which leads back to it"
    if problem:
        yield PAT018.at(TAGS / name / "replicatefrom", host=name, source=source, problem=problem)
