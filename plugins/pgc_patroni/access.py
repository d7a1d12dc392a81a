"""Who reaches whom: what depends on whether hosts hold certificates."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import collapse_addresses, ip_network

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import Endpoint, Fact, Facts, HbaRule, HealthCheck, ScrapeTarget
from pgc.provenance import Origin
from pgc_patroni import catalogue, layout
from pgc_patroni.section import PatroniSection

EXPLICIT = 16
"""Up to so many members each has a line of its own; more are written as the networks that hold exactly them."""


def derive(section: PatroniSection, site: Site, known: Facts) -> Iterator[Fact]:
    """Give endpoints, metrics, health checks and remote client authentication."""
    members = layout.members(site)
    if not members:
        return
    mode = layout.mode(section, site).value
    details = [("health", "/health"), ("primary", "/primary"), ("replica", "/replica")]
    if mode != "off":
        details.append(("sync", sync_path(mode)))
    exports = catalogue.of(section.version).metrics
    for host in members:
        held = layout.certificate(host.name, known)
        scheme = "http" if held is None else "https"
        origin = Origin((*site.origin("patroni", "rest", "port").paths, host.path / "address"), "Patroni's REST API")
        yield Endpoint(
            host=host.name,
            offers="pg.role-probe",
            address=host.address,
            port=section.rest.port,
            scheme=scheme,
            details=tuple(details),
            origin=origin,
        )
        yield ScrapeTarget(
            host=host.name,
            job="patroni",
            address=host.address,
            port=section.rest.port,
            scheme=scheme,
            exports=exports,
            origin=origin,
        )
    yield from _health(section, members, known)
    yield from _remote(section, site, members, known)


def sync_path(mode: str) -> str:
    """Return the health check of a synchronous standby. Source: patroni/api.py: under quorum commit `/sync` answers 503 everywhere."""
    return "/quorum" if mode == "quorum" else "/sync"


def url(section: PatroniSection, host: Host, known: Facts, path: str = "") -> str:
    """Return a URL of a host's REST API."""
    scheme = "http" if layout.certificate(host.name, known) is None else "https"
    return f"{scheme}://{host.location}:{section.rest.port}{path}"


def probe(section: PatroniSection, host: Host, known: Facts, path: str) -> str:
    """Return a command that prints the status of a health check."""
    held = layout.certificate(host.name, known)
    trust = "" if held is None else f"--cacert {held.authority_file} "
    return f"curl -s -o /dev/null -w '%{{http_code}}\\n' {trust}{url(section, host, known, path)}"


def _health(section: PatroniSection, members: tuple[Host, ...], known: Facts) -> Iterator[HealthCheck]:
    first = members[0]
    yield HealthCheck(
        name="members of the cluster",
        on=first.name,
        command=f"sudo -u {layout.USER} {layout.CTL} list",
        healthy=f"{len(members)} members, one Leader in state running, the others streaming, no lag",
    )
    for host in members:
        yield HealthCheck(
            name=f"role of {host.name}",
            on=host.name,
            command=probe(section, host, known, "/primary"),
            healthy="200 on the leader, 503 on every other host",
        )


# ── client authentication between members ────────────────────────────────────────────────────────────────────────────


def _remote(section: PatroniSection, site: Site, members: tuple[Host, ...], known: Facts) -> Iterator[HbaRule]:
    """Give the members, and only them, replication and pg_rewind, and keep the superuser off the network.

    The reject line stands before everybody's rules: one for all users would let the superuser in otherwise.
    """
    encrypted = all(layout.certificate(host.name, known) for host in members)
    connection = "hostssl" if encrypted else "host"
    options = (("clientcert", "verify-ca"),) if encrypted else ()
    for purpose, database in (("replication", "replication"), ("rewind", "postgres")):
        user = layout.role(section, site, purpose)
        for address, paths in _networks(members):
            yield HbaRule(
                connection=connection,
                database=database,
                user=user.value,
                method="scram-sha-256",
                address=address,
                options=options,
                order=30,
                purpose=purpose,
                origin=Origin(
                    (*user.origin.paths, *paths), "a member of the cluster, which may have to follow or rejoin"
                ),
            )
    superuser = layout.role(section, site, "superuser")
    yield HbaRule(
        connection="host",
        database="all",
        user=superuser.value,
        method="reject",
        address="all",
        order=35,
        purpose="superuser stays local",
        origin=superuser.origin,
    )


def _networks(members: tuple[Host, ...]) -> Iterator[tuple[str, tuple[Path, ...]]]:
    if len(members) <= EXPLICIT:
        for host in members:
            yield str(ip_network(host.address)), (host.path / "address",)
        return
    for version in (4, 6):
        networks = [network for host in members if (network := ip_network(host.address)).version == version]
        for each in collapse_addresses(networks):  # type: ignore[type-var]
            yield str(each), (Path(("hosts",)),)
