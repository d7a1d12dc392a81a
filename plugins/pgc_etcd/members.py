"""Which hosts are members."""

from __future__ import annotations

from collections import Counter
from itertools import zip_longest

from pgc.cluster import Host, Site
from pgc_etcd.section import EtcdSection

COUNTS = (5, 3)
"""How many members are chosen where nobody says how many, best first."""


def members(section: EtcdSection, site: Site) -> tuple[Host, ...]:
    """Return the members, by name: those that the manifest lists, else the hosts with the role `dcs`.

    Where the role was only implied, five or three are taken, one zone after the other: more members make every write slower and no
    loss more bearable. An external store leaves none.
    """
    if site.outside("dcs.client"):
        return ()
    if section.members is not None:
        wanted = set(section.members)
        return tuple(host for host in site.hosts if host.name in wanted)
    hosts = site.with_role("dcs")
    if any(host.roles_given for host in hosts):
        return hosts
    return _spread(hosts)


def _spread(hosts: tuple[Host, ...]) -> tuple[Host, ...]:
    """Take five hosts, or three where five would put the majority into one of three or more zones; all of them where there are two."""
    zones: dict[tuple[str, str], list[Host]] = {}
    for host in hosts:
        zones.setdefault((host.datacenter, host.zone), []).append(host)
    by_turns = [host for turn in zip_longest(*(zones[zone] for zone in sorted(zones))) for host in turn if host]
    for count in COUNTS:
        chosen = by_turns[:count]
        fullest = max(Counter((host.datacenter, host.zone) for host in chosen).values(), default=0)
        if len(chosen) == count and (len(zones) < 3 or fullest <= count // 2):
            return tuple(sorted(chosen, key=lambda host: host.name))
    return hosts
