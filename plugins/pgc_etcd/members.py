"""Which hosts are members."""

from __future__ import annotations

from itertools import zip_longest

from pgc.cluster import Host, Site
from pgc_etcd.section import EtcdSection

MOST_BY_DEFAULT = 5


def members(section: EtcdSection, site: Site) -> tuple[Host, ...]:
    """Return the members, by name: those that the manifest lists, else the hosts with the role `dcs`.

    Where the role was only implied, at most five are taken, one zone after the other: more members make every write slower and no
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
    zones: dict[tuple[str, str], list[Host]] = {}
    for host in hosts:
        zones.setdefault((host.datacenter, host.zone), []).append(host)
    by_turns = [host for turn in zip_longest(*(zones[zone] for zone in sorted(zones))) for host in turn if host]
    count = min(MOST_BY_DEFAULT, len(by_turns))
    odd = count if count % 2 or count < 3 else count - 1
    return tuple(sorted(by_turns[:odd], key=lambda host: host.name))
