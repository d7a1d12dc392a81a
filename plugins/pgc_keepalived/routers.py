"""Which hosts may hold which virtual address, in which order, under which number."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from itertools import zip_longest

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc_keepalived.section import KeepalivedSection, VipSpec

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
HIGHEST, STEP, MOST = 200, 10, 20
"""Priorities 200, 190, … Their distance means nothing here, because no script changes them; it keeps room for a person."""
MOST_BY_DEFAULT = 5


@dataclass(frozen=True, slots=True)
class Router:
    """A host that may hold a virtual address: what it sends from, and its priority."""

    host: Host
    source: str
    interface: str
    priority: int


@dataclass(frozen=True, slots=True)
class Vip:
    """A virtual address with its routers, the preferred one first."""

    name: str
    spec: VipSpec
    interface: Interface
    router_id: int
    routers: tuple[Router, ...]

    @property
    def path(self) -> Path:
        """Where the manifest describes it."""
        return Path(("keepalived", "vips", self.name))

    @property
    def address(self) -> str:
        """The address alone."""
        return str(self.interface.ip)

    @property
    def network(self) -> Network | None:
        """The segment that it is in, or None where neither a network nor a prefix says it: a prefix of full length holds nobody else."""
        if self.spec.network is not None:
            return ipaddress.ip_network(self.spec.network)
        network = self.interface.network
        return network if network.prefixlen < network.max_prefixlen else None


def vips(section: KeepalivedSection, site: Site) -> tuple[Vip, ...]:
    """Return the virtual addresses, by name."""
    ids = router_ids(section)
    default = balancers(site)
    known = {host.name: host for host in site.hosts}
    result = []
    for name, spec in sorted(section.vips.items()):
        hosts = (
            default if spec.hosts is None else tuple(known[each] for each in dict.fromkeys(spec.hosts) if each in known)
        )
        routers = tuple(
            Router(
                host,
                spec.sources.get(host.name, host.address),
                spec.interface or host.interface,
                max(1, HIGHEST - STEP * index),
            )
            for index, host in enumerate(hosts[:MOST])
        )
        result.append(Vip(name, spec, ipaddress.ip_interface(spec.address), ids[name], routers))
    return tuple(result)


def balancers(site: Site) -> tuple[Host, ...]:
    """Return the hosts that hold addresses where the manifest does not name them: the balancers.

    Where their role is only implied, at most five are taken, one zone after the other: every router sends its signs of life to every other.
    """
    if site.outside("pg.read-write"):
        return ()
    hosts = site.with_role("balancer")
    if len(hosts) <= MOST_BY_DEFAULT or any(host.roles_given for host in hosts):
        return hosts
    zones: dict[tuple[str, str], list[Host]] = {}
    for host in hosts:
        zones.setdefault((host.datacenter, host.zone), []).append(host)
    by_turns = [host for turn in zip_longest(*(zones[zone] for zone in sorted(zones))) for host in turn if host]
    return tuple(sorted(by_turns[:MOST_BY_DEFAULT], key=lambda host: host.name))


def router_ids(section: KeepalivedSection) -> dict[str, int]:
    """Return a number from 1 to 255 for each virtual address: set by hand, or the last byte of the address, or the next one that is free.

    Two clusters in one /24 have different last bytes, so their routers do not meet. IPv4 and IPv6 count apart.
    Source: RFC 5798, 5.2.3; keepalived.conf(5), virtual_router_id.
    """
    result = {name: spec.router_id for name, spec in section.vips.items() if spec.router_id is not None}
    taken = {(family(section.vips[name]), number) for name, number in result.items()}
    for name, spec in sorted(section.vips.items()):
        if name in result:
            continue
        number = int(ipaddress.ip_interface(spec.address).ip) & 0xFF or 255
        for _ in range(255):
            if (family(spec), number) not in taken:
                break
            number = number % 255 + 1
        taken.add((family(spec), number))
        result[name] = number
    return result


def family(spec: VipSpec) -> int:
    """Return 4 or 6."""
    return ipaddress.ip_interface(spec.address).version
