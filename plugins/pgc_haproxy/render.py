"""haproxy.cfg, and which files a balancer gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc.artifact import Artifact, Body
from pgc.cluster import Cluster
from pgc.facts import Certificate, Endpoint
from pgc.provenance import Sourced, because
from pgc.templating import Block, word
from pgc.terms import tidy
from pgc_haproxy import service
from pgc_haproxy.facts import FAST, INTERVAL, TIMEOUT, balancers, certificate, max_connections

WAYS = (
    ("read-write", "read_write", "leader", "primary"),
    ("read-only", "read_only", "replicas", "replica"),
    ("sync-read", "sync_read", "synchronous-replicas", "sync"),
)
"""A way in: the frontend, its port's key, its backend, and which of the probe's answers counts; not all know synchronous replicas."""


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give every balancer its files; they are equal on all balancers that have equal certificates."""
    hosts = balancers(cluster.site)
    if not hosts or not cluster.facts.all(Endpoint, "pg.role-probe"):
        return
    secret, kernel = service.secret(cluster), service.kernel(cluster)
    bodies: dict[Any, tuple[Body, Body]] = {}
    for host in hosts:
        held = certificate(host.name, cluster.facts)
        files = (held.certificate_file, held.key_file, held.authority_file) if held else None
        if files not in bodies:
            bodies[files] = _config(cluster, held), service.daemon(cluster, held)
        config, unit = bodies[files]
        for path, kind, body, consumer, mode in (
            ("etc/haproxy/haproxy.cfg", "haproxy.cfg", config, "haproxy.service", "0644"),
            ("etc/haproxy/secrets.env", "systemd.env", secret, "haproxy.service", "0600"),
            ("etc/systemd/system/haproxy.service", "systemd.unit", unit, "systemd", "0644"),
            ("etc/sysctl.d/61-haproxy.conf", "systemd.sysctl", kernel, "systemd-sysctl.service", "0644"),
        ):
            yield Artifact(path, kind, body, host=host.name, consumer=consumer, mode=mode)


def _config(cluster: Cluster, held: Certificate | None) -> Body:
    """Source: HAProxy configuration manual; every keyword stands in that of 2.6, 2.8, 3.0, 3.1 and 3.2."""
    vips = cluster.facts.all(Endpoint, "vip")
    six = any(":" in address for address in (*(h.address for h in cluster.site.hosts), *(v.address for v in vips)))
    return cluster.template(
        "haproxy.cfg.j2",
        name=cluster.name,
        maxconn=service.maxconn(cluster),
        clients=service.clients(cluster),
        hard_stop_after=_time(cluster.sourced("hard_stop_after")),
        timeouts={key: _time(cluster.sourced("timeouts", key)) for key in ("connect", "queue", "client", "server")},
        check_timeout=_time(cluster.value(TIMEOUT)),
        interval=_time(cluster.value(INTERVAL)),
        fast_interval=_time(cluster.value(FAST)),
        settled_after=_time(_first_checks(cluster)),
        rise=cluster.sourced("checks", "rise"),
        fall=cluster.sourced("checks", "fall"),
        bind="::" if six else "",
        bind_options=" v4v6" if six else "",
        services=_services(cluster),
        backends=_backends(cluster),
        servers=_servers(cluster, held),
        stats_port=cluster.sourced("ports", "stats"),
        stats_user=cluster.sourced("stats", "user"),
        stats_tls=Sourced(f" ssl crt {service.PEM}", held.origin) if held else "",
        tls=held is not None,
        raw_global=_raw(cluster, "global"),
        raw_defaults=_raw(cluster, "defaults"),
    )


def _first_checks(cluster: Cluster) -> Sourced:
    """Return the time in which every server is checked once after a start.

    Source: HAProxy, src/check.c, start_checks: the first checks are spread over the interval.
    """
    interval, timeout = cluster.value(INTERVAL), cluster.value(TIMEOUT)
    return because(
        tidy(interval.value + timeout.value), "an interval, and the check's own time", *interval.origin.paths
    )


def _raw(cluster: Cluster, part: str) -> list[Any]:
    lines = cluster.section.raw.get(part) or []
    return [cluster.sourced("raw", part, index) for index in range(len(lines))]


def _services(cluster: Cluster) -> list[dict[str, Any]]:
    """Return the three ways in. Of the leader's servers one at most may be up; the others fall back on it where that is allowed."""
    fallback = "leader" if cluster.section.reads_fall_back else ""
    return [
        {
            "name": name,
            "port": cluster.sourced("ports", key),
            "backend": backend,
            "only_one": backend == "leader",
            "fallback": "" if backend == "leader" else fallback,
        }
        for name, key, backend, path in WAYS
        if _probe(cluster).detail(path)
    ]


def _backends(cluster: Cluster) -> list[dict[str, Any]]:
    lag = cluster.sourced("replica_lag")
    probe = _probe(cluster)
    return [
        {
            "name": backend,
            "balance": "roundrobin" if backend == "leader" else "leastconn",
            "probe": Sourced(f"{probe.detail(path)}?lag={lag.value}", lag.origin)
            if backend == "replicas"
            else Sourced(probe.detail(path), probe.origin),
        }
        for _, _, backend, path in WAYS
        if probe.detail(path)
    ]


def _probe(cluster: Cluster) -> Endpoint:
    return cluster.facts.all(Endpoint, "pg.role-probe")[0]


def _servers(cluster: Cluster, held: Certificate | None) -> list[dict[str, Any]]:
    """A server is the pooler on the probed host, or PostgreSQL itself where there is no pooler."""
    known = cluster.facts
    servers = []
    for probe in known.all(Endpoint, "pg.role-probe"):
        target = next(
            iter((*known.on(probe.host, Endpoint, "pg.pooled"), *known.on(probe.host, Endpoint, "pg.sql"))), None
        )
        if target is None:
            continue
        options = ""
        if probe.scheme == "https" and held:
            authority = word(held.authority_file)
            options = f" check-ssl verify required ca-file {authority} crt {service.PEM} verifyhost {word(probe.host)}"
        servers.append(
            {
                "name": Sourced(probe.host, probe.origin),
                "location": Sourced(target.location, target.origin),
                "probe_port": Sourced(probe.port, probe.origin),
                "check_options": Block(options),
                "maxconn": Sourced(
                    target.detail("max_clients") or max_connections(cluster.section, cluster.site), target.origin
                ),
            }
        )
    return servers


def _time(seconds: Sourced) -> Sourced:
    """Write seconds in the largest of HAProxy's units that divides them: 24h, 30m, 2s, 500ms."""
    milliseconds = round(seconds.value * 1000)
    for unit_name, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds >= size and milliseconds % size == 0:
            return Sourced(f"{milliseconds // size}{unit_name}", seconds.origin)
    return Sourced(f"{milliseconds}ms", seconds.origin)
