"""What keepalived tells the others, and how long an address takes to move."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.facts import Choice, Endpoint, Fact, HealthCheck, MemoryClaim, Package, Service, TimeClaim
from pgc.provenance import Origin
from pgc.terms import Open, Term, total, var
from pgc_keepalived.routers import Vip, vips
from pgc_keepalived.section import KeepalivedSection

ADVERT = "keepalived.advert_s"
LANE = "vip"
FAULTS = ("host lost", "host and DCS leader lost", "network cut", "vip host lost")
MISSED, SHARES = 3, 256
MEMORY_BYTES = 24 * 1024**2
USER = "keepalived_script"


def takeover(routers: tuple[Vip, ...]) -> Term:
    """Return the time, in seconds, until another router holds an address whose holder is gone.

    Three signs of life are missed, then the routers wait the longer the lower their priority is.
    After one fault the first or the second in order is
    alive, so the second one's priority counts. Source: RFC 5798, 6.1: Master_Down_Interval = 3 × Master_Adver_Interval + Skew_Time,
    Skew_Time = (256 − priority) × Master_Adver_Interval / 256.
    """
    second = min((vip.routers[1].priority for vip in routers if len(vip.routers) > 1), default=1)
    return total(MISSED * var(ADVERT), round((SHARES - second) / SHARES, 4) * var(ADVERT))


def script_failure(section: KeepalivedSection) -> int:
    """Return the time, in seconds, until a router that runs gives up because its balancer does not answer."""
    return section.check.interval * section.check.fall + section.check.timeout


def machines(routers: tuple[Vip, ...]) -> tuple[Host, ...]:
    """Return the hosts that run keepalived, by name."""
    found = {router.host.name: router.host for vip in routers for router in vip.routers}
    return tuple(found[name] for name in sorted(found))


def contribute(section: KeepalivedSection, site: Site) -> Iterator[Fact]:
    """Give everything; nothing here depends on others."""
    routers = vips(section, site)
    yield from _timers(section, site, routers)
    for host in machines(routers):
        origin = Origin((host.path / "roles",) if host.roles_given else (), "may hold a virtual address")
        yield Service(
            host=host.name,
            unit="keepalived.service",
            role="vip",
            after=("haproxy.service",),
            description="keepalived",
            origin=origin,
        )
        yield Package(
            host=host.name, component="keepalived", version=section.version, origin=site.origin("keepalived", "version")
        )
        yield Package(
            host=host.name, component="curl", origin=Origin((), "the check of the balancer asks it over HTTP")
        )
        yield MemoryClaim(host=host.name, what="keepalived", claim_bytes=MEMORY_BYTES, origin=origin)
    for vip in {vip.address: vip for vip in reversed(routers)}.values():
        origin = Origin((vip.path,), "a virtual address")
        yield Endpoint(
            host="",
            offers="vip",
            address=vip.address,
            port=0,
            origin=origin,
            details=(
                ("hosts", " ".join(router.host.name for router in vip.routers)),
                ("interface", vip.spec.interface or ""),
                ("name", vip.name),
                ("prefix", str(vip.interface.network.prefixlen)),
                ("router_id", str(vip.router_id)),
            ),
        )
        yield HealthCheck(
            name=f"holder of {vip.name}",
            on=" and ".join(router.host.name for router in vip.routers),
            command=f"ip -brief address show to {vip.address}",
            healthy=f"a line with {vip.address} on exactly one of them",
            origin=origin,
        )


def _timers(section: KeepalivedSection, site: Site, routers: tuple[Vip, ...]) -> Iterator[Fact]:
    value = Open(ADVERT, (1, 0.5, 0.2), 55, "s", "keepalived's default")
    origin = site.origin("keepalived", "advert")
    yield Choice(
        open=value if section.advert is None else value.fix(section.advert, "keepalived", "advert"), origin=origin
    )
    if not routers or any(len(vip.routers) < 2 for vip in routers):
        yield TimeClaim(
            fault="vip host lost",
            what="no other host may hold the address",
            seconds=None,
            lane=LANE,
            origin=origin,
            why="one host alone may hold the virtual address: only its return ends it",
        )
        return
    for fault in FAULTS:
        yield TimeClaim(
            fault=fault,
            what="the virtual address moves",
            stage=10,
            lane=LANE,
            seconds=takeover(routers),
            origin=origin,
            why="three signs of life are missed, and the next router waits for its share of one more",
        )
    yield TimeClaim(
        fault="proxy crashed",
        what="the check fails, and the virtual address moves",
        stage=10,
        lane=LANE,
        seconds=script_failure(section) + takeover(routers),
        origin=site.origin("keepalived", "check"),
        why="fall × interval and one timeout until the router gives up; it says so at once, "
        "and even where that is lost another takes over after three signs of life",
    )
