"""What HAProxy tells the others, and the timers it leaves open."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import (
    Certificate,
    Choice,
    Endpoint,
    Fact,
    Facts,
    HealthCheck,
    MemoryClaim,
    Package,
    Rule,
    ScrapeTarget,
    Secret,
    Service,
    TimeClaim,
)
from pgc.provenance import Origin
from pgc.templating import word
from pgc.terms import Constraint, Open, Term, total, var
from pgc_haproxy.section import HaproxySection

INTERVAL, FAST, TIMEOUT = "haproxy.inter_s", "haproxy.fastinter_s", "haproxy.check_timeout_s"
BYTES_A_CONNECTION = 34 * 1024
SERVICES = 3
OPERATORS = 100
"""Connections beyond those of clients: statistics, metrics, the health that keepalived asks for."""
RESTART_S, START_S = 1, 2
SECRET = "proxy-stats"
EXPORTS = (
    "haproxy_backend_active_servers",
    "haproxy_backend_status",
    "haproxy_frontend_current_sessions",
    "haproxy_frontend_limit_sessions",
    "haproxy_server_status",
    "haproxy_process_max_connections",
    "haproxy_process_current_connections",
    "haproxy_backend_current_queue",
)
FAULTS = ("host lost", "host and DCS leader lost", "network cut", "postgres crashed", "switchover")


def balancers(site: Site) -> tuple[Host, ...]:
    """Return the hosts that run HAProxy; none where the manifest names an external balancer."""
    return () if site.outside("pg.read-write") else site.with_role("balancer")


def max_connections(section: HaproxySection, site: Site) -> int:
    """Return how many clients one balancer must bear: all of them, because after a takeover it is alone."""
    return section.max_connections or site.objectives.connections + max(10, site.objectives.connections // 10)


def most(section: HaproxySection, site: Site) -> int:
    """Return HAProxy's own limit: every service may be full, and its health can still be asked for.

    With one limit for all, a storm on one service would keep keepalived's check out too, and the virtual address would move for nothing.
    Source: HAProxy configuration manual, `maxconn` in the global section and in a frontend: what exceeds it waits in the kernel.
    """
    return SERVICES * max_connections(section, site) + OPERATORS


def certificate(host: str, known: Facts) -> Certificate | None:
    """Return the certificate that a host holds for itself, or None."""
    return next((each for each in known.on(host, Certificate) if each.name == "host"), None)


def detection(section: HaproxySection) -> Term:
    """Return the time, in seconds, until a new leader is in service once it answers its probe.

    It is DOWN in the leader's backend, so the first check may be an interval away; the further ones come at the fast interval.
    Source: HAProxy configuration manual, `inter`, `fastinter`, `downinter`, `rise`.
    """
    return total(var(TIMEOUT), var(INTERVAL), (section.checks.rise - 1) * var(FAST))


def contribute(section: HaproxySection, site: Site) -> Iterator[Fact]:
    """Give everything that does not depend on others."""
    yield from _timers(section, site)
    clients = max_connections(section, site)
    for host in balancers(site):
        origin = Origin((host.path / "roles",) if host.roles_given else (), "has the role balancer")
        yield Service(
            host=host.name,
            unit="haproxy.service",
            role="balancer",
            user="haproxy",
            description="HAProxy",
            origin=origin,
        )
        yield Package(
            host=host.name, component="haproxy", version=section.version, origin=site.origin("haproxy", "version")
        )
        yield Package(
            host=host.name, component="socat", origin=Origin((), "the procedures speak to HAProxy's socket with it")
        )
        yield MemoryClaim(
            host=host.name,
            what="haproxy",
            claim_bytes=70 * 1024**2 + (clients + OPERATORS) * BYTES_A_CONNECTION,
            origin=Origin(_limited_by(section), f"{clients} clients, each with two buffers"),
        )
    yield Secret(
        name=SECRET,
        reference=section.stats.password or site.secret(SECRET),
        used_for="HAProxy's statistics page",
        origin=site.origin("haproxy", "stats", "password"),
    )


def _limited_by(section: HaproxySection) -> tuple[Path, ...]:
    return (Path(("objectives", "connections") if section.max_connections is None else ("haproxy", "max_connections")),)


def _timers(section: HaproxySection, site: Site) -> Iterator[Fact]:
    checks = section.checks
    for name, key, given, candidates in (
        (INTERVAL, "interval", checks.interval, (2, 1)),
        (FAST, "fast_interval", checks.fast_interval, (2, 1, 0.5)),
        (TIMEOUT, "timeout", checks.timeout, (2, 1)),
    ):
        value = Open(name, candidates, 50, "s", "HAProxy's default")
        yield Choice(
            open=value if given is None else value.fix(given, "haproxy", "checks", key),
            origin=site.origin("haproxy", "checks", key),
        )
    if checks.interval is None or checks.fast_interval is None:  # both by hand: HAP005 says it in better words
        yield Rule(
            constraint=Constraint(
                "haproxy: the fast interval is no longer than the interval",
                var(FAST),
                var(INTERVAL),
                why="a server that changes its state would be checked less often than one that does not",
                paths=tuple(
                    ("haproxy", "checks", key) for key in ("interval", "fast_interval") if getattr(checks, key)
                ),
            )
        )
    origin = Origin(
        (Path(("haproxy", "checks")),) if site.given("haproxy", "checks") else (),
        "check timeout + interval + (rise − 1) × fast interval",
    )
    for fault in FAULTS:
        yield TimeClaim(
            fault=fault,
            what="the balancer sees the new leader",
            stage=30,
            seconds=detection(section),
            why=origin.reason,
            origin=origin,
        )
    yield TimeClaim(
        fault="proxy crashed",
        what="systemd starts HAProxy again",
        stage=10,
        seconds=RESTART_S + START_S,
        why="RestartSec, and the time until it listens and has checked its servers",
    )


def derive(section: HaproxySection, site: Site, known: Facts) -> Iterator[Fact]:
    """Give the listeners; a certificate on the host makes the statistics https."""
    probe = known.first(Endpoint, "pg.role-probe")
    if probe is None:
        return
    ports = section.ports
    for host in balancers(site):
        held = certificate(host.name, known)
        scheme = "https" if held else "http"
        trust = f"--cacert {word(held.authority_file)} " if held else ""
        for offers, key, path in (
            ("pg.read-write", "read_write", "primary"),
            ("pg.read-only", "read_only", "replica"),
            ("pg.sync-read", "sync_read", "sync"),
        ):
            if not probe.detail(path):
                continue
            yield Endpoint(
                host=host.name,
                offers=offers,
                address=host.address,
                port=getattr(ports, key),
                origin=site.origin("haproxy", "ports", key),
                details=(("max_clients", str(max_connections(section, site))),),
            )
        yield Endpoint(
            host=host.name,
            offers="proxy.stats",
            address=host.address,
            port=ports.stats,
            scheme=scheme,
            path="/alive",
            origin=site.origin("haproxy", "ports", "stats"),
        )
        yield ScrapeTarget(
            host=host.name,
            job="haproxy",
            address=host.address,
            port=ports.stats,
            scheme=scheme,
            exports=EXPORTS,
            origin=site.origin("haproxy", "ports", "stats"),
        )
        yield HealthCheck(
            name=f"balancer on {host.name}",
            on=host.name,
            command=f"curl -fsS {trust}{scheme}://{host.location}:{ports.stats}/alive",
            healthy="200 OK",
        )
