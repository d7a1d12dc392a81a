"""What a specialist would object to in virtual addresses."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from ipaddress import ip_address

from pgc.cluster import Cluster
from pgc.diagnostics import Finding, Path
from pgc.terms import tidy
from pgc_keepalived import codes
from pgc_keepalived.routers import MOST, Router, Vip, balancers, vips

AT = Path(("keepalived",))
RAW_PARTS = ("global", "instance")
SHORTEST, LONGEST, STEP = 0.01, 40.95, 0.01
WITHOUT_BROADCAST = {4: 31, 6: 127}
"""From this prefix on every address is a host's. Source: RFC 3021, RFC 6164."""


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection; without a virtual address there is nothing to object to."""
    section = cluster.section
    if not section.vips:
        return
    found = vips(section, cluster.site)
    yield from _timers(cluster)
    yield from _together(found)
    for vip in found:
        yield from _named_hosts(cluster, vip)
        yield from _address(cluster, vip)
        yield from _routers(cluster, vip)
    for part, lines in section.raw.items():
        if part not in RAW_PARTS or not (isinstance(lines, list) and all(isinstance(line, str) for line in lines)):
            yield codes.KAL013.at(AT / "raw" / part, part=part)


def _timers(cluster: Cluster) -> Iterator[Finding]:
    advert, timing = cluster.section.advert, cluster.section.check
    if advert is not None and not (SHORTEST <= advert <= LONGEST and abs(advert / STEP - round(advert / STEP)) < 1e-6):
        yield codes.KAL011.at(AT / "advert", given=tidy(advert))
    if timing.timeout > timing.interval:
        yield codes.KAL014.at(
            AT / "check" / "timeout", AT / "check" / "interval", timeout=timing.timeout, interval=timing.interval
        )


def _together(found: tuple[Vip, ...]) -> Iterator[Finding]:
    numbers: dict[tuple[int, int], Vip] = {}
    addresses: dict[str, Vip] = {}
    for vip in found:
        before = numbers.setdefault((vip.interface.version, vip.router_id), vip)
        if before is not vip:
            yield codes.KAL001.at(
                vip.path / "router_id",
                before.path / "router_id",
                name=before.name,
                other=vip.name,
                number=vip.router_id,
                family=vip.interface.version,
            )
        before = addresses.setdefault(vip.address, vip)
        if before is not vip:
            yield codes.KAL010.at(
                vip.path / "address", before.path / "address", name=before.name, other=vip.name, address=vip.address
            )


def _named_hosts(cluster: Cluster, vip: Vip) -> Iterator[Finding]:
    known = {host.name: host for host in cluster.site.hosts}
    for name, at in (
        *((name, vip.path / "hosts" / index) for index, name in enumerate(vip.spec.hosts or ())),
        *((name, vip.path / "sources" / name) for name in vip.spec.sources),
    ):
        if name not in known:
            close = get_close_matches(name, list(known), 1)
            yield codes.KAL008.at(
                at, host=name, near=f"; did you mean {close[0]}?" if close else "", known=", ".join(known)
            )
        elif "balancer" not in known[name].roles:
            yield codes.KAL009.at(at, known[name].path / "roles", host=name, name=vip.name)


def _address(cluster: Cluster, vip: Vip) -> Iterator[Finding]:
    at, network = vip.path / "address", vip.interface.network
    if vip.network is None:
        usual = 24 if vip.interface.version == 4 else 64
        yield codes.KAL004.at(at, address=vip.address, given=vip.spec.address, usual=usual, name=vip.name)
    for host in cluster.site.hosts:
        if vip.address in (host.address, vip.spec.sources.get(host.name)):
            yield codes.KAL002.at(at, host.path / "address", address=vip.address, host=host.name)
    if network.prefixlen < WITHOUT_BROADCAST[vip.interface.version]:
        broadcast = vip.interface.version == 4 and vip.interface.ip == network.broadcast_address
        if broadcast or vip.interface.ip == network.network_address:
            yield codes.KAL012.at(
                at,
                address=vip.address,
                what="broadcast" if broadcast else "network",
                network=network,
                first=network.network_address + 1,
                last=network.broadcast_address - 1,
            )


def _routers(cluster: Cluster, vip: Vip) -> Iterator[Finding]:
    count = len(vip.spec.hosts if vip.spec.hosts is not None else balancers(cluster.site))
    where = vip.path / "hosts" if vip.spec.hosts is not None else vip.path
    if not vip.routers:
        yield codes.KAL016.at(where, name=vip.name)
    elif len(vip.routers) == 1:
        yield codes.KAL005.at(where, vip.routers[0].host.path, host=vip.routers[0].host.name, name=vip.name)
    elif count > MOST:
        yield codes.KAL015.at(where, count=count, name=vip.name, most=MOST)
    datacenters = sorted({router.host.datacenter for router in vip.routers})
    if len(datacenters) > 1:
        yield codes.KAL007.at(
            where,
            *(router.host.path / "datacenter" for router in vip.routers),
            name=vip.name,
            datacenters=" and ".join(datacenters),
        )
    yield from _sources(vip)


def _sources(vip: Vip) -> Iterator[Finding]:
    """Yield one finding for all routers of the wrong family, and one for all that are outside of the network."""
    strangers: list[Router] = []
    outside: list[Router] = []
    for router in vip.routers:
        source = ip_address(router.source)
        if source.version != vip.interface.version:
            strangers.append(router)
        elif vip.network is not None and source not in vip.network:
            outside.append(router)
    itself = [f"{vip.address} itself"] if vip.network is not None and vip.interface.ip not in vip.network else []
    for code, routers, said in ((codes.KAL006, strangers, []), (codes.KAL003, outside, itself)):
        said = said + [f"{router.source} of {router.host.name}" for router in routers]
        if said:
            places = (
                vip.path / "sources" / router.host.name
                if router.host.name in vip.spec.sources
                else router.host.path / "address"
                for router in routers
            )
            yield code.at(
                vip.path / "address",
                *places,
                name=vip.name,
                family=vip.interface.version,
                network=vip.network or "",
                hosts=", ".join(said),
            )
