"""What a specialist would object to in an etcd cluster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pgc.cluster import Cluster, Host
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.fields import show_duration, show_size

ETC001 = Code(
    "ETC001",
    "even-member-count",
    Severity.ERROR,
    what="the DCS has {count} members, an even number",
    why="{count} members survive no more losses than {fewer}, and one more of them can fail",
    help="use {fewer} or {more} members",
    example="etcd: {members: [pg1, pg2, pg3, pg4]}",
)
ETC002 = Code(
    "ETC002",
    "single-member",
    Severity.WARNING,
    what="the DCS has one member only",
    why="when it stops, every leader steps down and writes stop until it is back",
    help="use three hosts with the role dcs, or an external store",
    example="hosts:\n  pg1: {address: 10.0.0.1}",
)
ETC003 = Code(
    "ETC003",
    "zone-holds-the-majority",
    Severity.ERROR,
    what="zone {zone} holds {held} of {count} DCS members",
    why="losing this one zone loses the quorum, and with it every leader, although there are {zones} zones",
    help="spread the members: no zone may hold more than {most}",
    example="etcd: {members: [a1, a2, b1]}   # a1 and a2 in one zone, with three zones there",
)
ETC004 = Code(
    "ETC004",
    "no-third-zone",
    Severity.NOTE,
    what="the hosts stand in {zones}, so the loss of zone {zone} loses the quorum of the DCS",
    why="with fewer than three zones no placement survives the loss of every zone",
    help="put a member into a third zone, even a small machine, if the loss of a zone must be survived",
    example="hosts:\n  pg1: {address: 10.0.0.1, zone: a}\n  pg2: {address: 10.0.0.2, zone: a}",
)
ETC005 = Code(
    "ETC005",
    "unknown-member",
    Severity.ERROR,
    what="the member {name} is no host of this cluster",
    why="the other members would wait for it in vain",
    help="name hosts from `hosts`: {known}",
    example="etcd: {members: [pg1, pg2, pg9]}",
)
ETC006 = Code(
    "ETC006",
    "too-many-members",
    Severity.WARNING,
    what="the DCS has {count} members",
    why="every renewal of the leader lock waits for a majority: more than seven members make it slower, not safer",
    help="use three, five or seven members",
    example="etcd: {members: [h1, h2, h3, h4, h5, h6, h7, h8, h9]}",
)
ETC007 = Code(
    "ETC007",
    "no-store",
    Severity.ERROR,
    what="no host has the role dcs, and no external store is named",
    why="there is no leader without a lock, and no lock without a store",
    help="give three hosts the role dcs, or name the store under external: with `offers: dcs.client`",
    example="hosts:\n  pg1: {address: 10.0.0.1, roles: [database]}",
)
ETC008 = Code(
    "ETC008",
    "quota-above-recommendation",
    Severity.WARNING,
    what="the quota is {given}; etcd recommends at most 8GB",
    why="a larger database starts and recovers slowly, and this one only holds a lock and some configuration",
    help="set a quota of 8GB or less",
    example="etcd: {quota: 16GB}",
)
ETC009 = Code(
    "ETC009",
    "election-timeout-too-long",
    Severity.ERROR,
    what="the election timeout is {given}; etcd allows 50s at most",
    why="etcd refuses to start",
    help="set election to 50s or less",
    example="etcd: {election: 60s}",
)
ETC010 = Code(
    "ETC010",
    "raw-not-a-setting",
    Severity.ERROR,
    what="raw.{key} is not an environment variable of etcd with one value",
    why="etcd would ignore it, or read something else",
    help="use raw: {{ETCD_…: value}} with a text, a number or a switch; etcd --help names the flags, ETCD_ and capitals the variables",
    example="etcd: {raw: {max-snapshots: 5}}   # ETCD_MAX_SNAPSHOTS",
)
CODES = (ETC001, ETC002, ETC003, ETC004, ETC005, ETC006, ETC007, ETC008, ETC009, ETC010)

MEMBERS = Path(("etcd", "members"))
VARIABLE = re.compile(r"ETCD_[A-Z0-9_]+\Z")


def check(cluster: Cluster, members: tuple[Host, ...]) -> Iterator[Finding]:
    """Yield every objection."""
    unknown = tuple(_unknown_members(cluster))
    yield from unknown
    if not members and not unknown and not cluster.site.outside("dcs.client"):
        yield ETC007.at(Path(("hosts",)))
    if not members:
        return
    if not unknown:  # with the members that were meant, the others may be well
        yield from _count(cluster, members)
        yield from _zones(cluster, members)
    if cluster.section.quota > 8 * 1024**3:
        yield ETC008.at(Path(("etcd", "quota")), given=show_size(cluster.section.quota))
    if cluster.section.election is not None and cluster.section.election > 50:
        yield ETC009.at(Path(("etcd", "election")), given=show_duration(cluster.section.election))
    for key, value in cluster.section.raw.items():
        if not (VARIABLE.match(key) and isinstance(value, str | int | float)):
            yield ETC010.at(Path(("etcd", "raw", key)), key=key)


def _unknown_members(cluster: Cluster) -> Iterator[Finding]:
    known = [host.name for host in cluster.site.hosts]
    for index, name in enumerate(cluster.section.members or ()):
        if name not in known:
            yield ETC005.at(MEMBERS / index, name=name, known=", ".join(known))


def _count(cluster: Cluster, members: tuple[Host, ...]) -> Iterator[Finding]:
    count = len(members)
    chosen = (MEMBERS,) if cluster.site.given(*MEMBERS) else tuple(host.path / "roles" for host in members)
    if count == 1:
        yield ETC002.at(members[0].path)
    elif count % 2 == 0:
        yield ETC001.at(*chosen, count=count, fewer=count - 1, more=count + 1)
    elif count > 7:
        yield ETC006.at(*chosen, count=count)


def _zones(cluster: Cluster, members: tuple[Host, ...]) -> Iterator[Finding]:
    """A zone is safe to lose when the members outside of it are a majority."""
    count = len(members)
    if count < 3:
        return
    most = (count - 1) // 2
    held = Counter((host.datacenter, host.zone) for host in members)
    zones = len({(host.datacenter, host.zone) for host in cluster.site.hosts})
    centres = {host.datacenter for host in cluster.site.hosts}
    for place, number in sorted(held.items()):
        if number <= most:
            continue
        zone = f"{place[1]} of {place[0]}" if len(centres) > 1 else place[1]
        places = tuple(host.path / "zone" for host in members if (host.datacenter, host.zone) == place)
        if zones >= 3:
            yield ETC003.at(*places, zone=zone, held=number, count=count, zones=zones, most=most)
        else:
            yield ETC004.at(*places, zone=zone, zones="one zone" if zones == 1 else "two zones")
