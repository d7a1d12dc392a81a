"""haproxy.cfg, the unit, the secret's file, the kernel settings of a balancer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc.artifact import Artifact, Body
from pgc.bodies import Env, Plain, unit
from pgc.cluster import Cluster
from pgc.facts import Certificate, Endpoint
from pgc.provenance import Sourced, because
from pgc.secrets import token
from pgc.templating import Block, word
from pgc_haproxy.facts import FAST, INTERVAL, SECRET, TIMEOUT, balancers, max_connections

FREE_DESCRIPTORS = 1024


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give every balancer its files; they are equal on all balancers that have equal certificates."""
    hosts = balancers(cluster.site)
    if not hosts or not cluster.facts.all(Endpoint, "pg.role-probe"):
        return
    service, secret, kernel = _unit(cluster), _secret(cluster), _kernel(cluster)
    bodies: dict[Any, Body] = {}
    for host in hosts:
        certificate = next(iter(cluster.facts.on(host.name, Certificate)), None)
        files = (certificate.certificate_file, certificate.authority_file) if certificate else None
        if files not in bodies:
            bodies[files] = _config(cluster, certificate)
        yield Artifact(
            "etc/haproxy/haproxy.cfg", "haproxy.cfg", bodies[files], host=host.name, consumer="haproxy.service"
        )
        yield Artifact(
            "etc/haproxy/secrets.env", "systemd.env", secret, host=host.name, consumer="haproxy.service", mode="0600"
        )
        yield Artifact(
            "etc/systemd/system/haproxy.service", "systemd.unit", service, host=host.name, consumer="systemd"
        )
        yield Artifact(
            "etc/sysctl.d/61-haproxy.conf", "systemd.sysctl", kernel, host=host.name, consumer="systemd-sysctl.service"
        )


def _config(cluster: Cluster, certificate: Certificate | None) -> Body:
    site = cluster.site
    six = any(":" in host.address for host in site.hosts)
    return cluster.template(
        "haproxy.cfg.j2",
        name=cluster.name,
        maxconn=_maxconn(cluster),
        hard_stop_after=_time(cluster.sourced("hard_stop_after")),
        timeouts={key: _time(cluster.sourced("timeouts", key)) for key in ("connect", "queue", "client", "server")},
        check_timeout=_time(cluster.value(TIMEOUT)),
        interval=_time(cluster.value(INTERVAL)),
        fast_interval=_time(cluster.value(FAST)),
        rise=cluster.sourced("checks", "rise"),
        fall=cluster.sourced("checks", "fall"),
        bind="::" if six else "",
        bind_options=" v4v6" if six else "",
        services=_services(cluster),
        backends=_backends(cluster),
        servers=_servers(cluster, certificate),
        stats_port=cluster.sourced("ports", "stats"),
        stats_user=cluster.sourced("stats", "user"),
        stats_tls=f" ssl crt {word(certificate.certificate_file)}" if certificate else "",
        tls=certificate is not None,
        raw_global=_raw(cluster, "global"),
        raw_defaults=_raw(cluster, "defaults"),
    )


def _raw(cluster: Cluster, part: str) -> list[Any]:
    lines = cluster.section.raw.get(part) or []
    return [cluster.sourced("raw", part, index) for index in range(len(lines))]


def _maxconn(cluster: Cluster) -> Sourced:
    if cluster.section.max_connections is not None:
        return cluster.sourced("max_connections")
    paths = cluster.site.origin("objectives", "connections").paths
    return because(
        max_connections(cluster.section, cluster.site),
        "objectives.connections and a tenth more; one balancer must bear all of them",
        *paths,
    )


def _services(cluster: Cluster) -> list[dict[str, Any]]:
    fallback = "leader" if cluster.section.reads_fall_back else ""
    return [
        {"name": "read-write", "port": cluster.sourced("ports", "read_write"), "backend": "leader", "fallback": ""},
        {
            "name": "read-only",
            "port": cluster.sourced("ports", "read_only"),
            "backend": "replicas",
            "fallback": fallback,
        },
        {
            "name": "sync-read",
            "port": cluster.sourced("ports", "sync_read"),
            "backend": "synchronous-replicas",
            "fallback": fallback,
        },
    ]


def _backends(cluster: Cluster) -> list[dict[str, Any]]:
    probe = cluster.facts.all(Endpoint, "pg.role-probe")[0]
    lag = cluster.sourced("replica_lag")
    return [
        {"name": "leader", "balance": "roundrobin", "probe": Sourced(probe.detail("primary"), probe.origin)},
        {
            "name": "replicas",
            "balance": "leastconn",
            "probe": Sourced(f"{probe.detail('replica')}?lag={lag.value}", lag.origin),
        },
        {"name": "synchronous-replicas", "balance": "leastconn", "probe": Sourced(probe.detail("sync"), probe.origin)},
    ]


def _servers(cluster: Cluster, certificate: Certificate | None) -> list[dict[str, Any]]:
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
        if probe.scheme == "https" and certificate:
            authority, own = word(certificate.authority_file), word(certificate.certificate_file)
            options = f" check-ssl verify required ca-file {authority} crt {own} verifyhost {word(probe.host)}"
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


def _secret(cluster: Cluster) -> Body:
    return Env(
        {"STATS_PASSWORD": Sourced(token(SECRET), cluster.sourced("stats", "password").origin)},
        ("Read by haproxy.cfg as $STATS_PASSWORD.",),
    )


def _kernel(cluster: Cluster) -> Body:
    clients = _maxconn(cluster)
    return Plain(
        (
            f"# Kernel settings of a balancer of {cluster.name}. Made by pgc.",
            Sourced(f"net.core.somaxconn = {max(4096, clients.value)}", clients.origin),
            Sourced(f"net.ipv4.tcp_max_syn_backlog = {max(4096, clients.value)}", clients.origin),
            "net.ipv4.ip_local_port_range = 10240 65000",
            "net.ipv4.tcp_tw_reuse = 1",
        )
    )


def _unit(cluster: Cluster) -> Body:
    clients = _maxconn(cluster)
    descriptors = 2 * clients.value + FREE_DESCRIPTORS
    return unit(
        (
            "Unit",
            (
                ("Description", f"HAProxy, load balancer of the cluster {cluster.name}"),
                ("Documentation", "man:haproxy(1)"),
                ("After", "network-online.target"),
                ("Wants", "network-online.target"),
                ("StartLimitIntervalSec", "0"),
            ),
        ),
        (
            "Service",
            (
                ("Type", "notify"),
                ("EnvironmentFile", "/etc/haproxy/secrets.env"),
                ("RuntimeDirectory", "haproxy"),
                ("ExecStartPre", "/usr/sbin/haproxy -c -q -f /etc/haproxy/haproxy.cfg"),
                ("ExecStart", "/usr/sbin/haproxy -Ws -f /etc/haproxy/haproxy.cfg -p /run/haproxy/haproxy.pid"),
                ("ExecReload", "/usr/sbin/haproxy -c -q -f /etc/haproxy/haproxy.cfg"),
                ("ExecReload", "/bin/kill -USR2 $MAINPID"),
                ("KillMode", "mixed"),
                ("Restart", "always"),
                ("RestartSec", "1"),
                ("SuccessExitStatus", "143"),
                ("LimitNOFILE", Sourced(descriptors, clients.origin)),
                ("OOMScoreAdjust", "-500"),
                ("NoNewPrivileges", "yes"),
                ("ProtectHome", "yes"),
                ("ProtectSystem", "strict"),
                ("ProtectKernelModules", "yes"),
                ("ProtectKernelTunables", "yes"),
                ("ProtectControlGroups", "yes"),
                ("PrivateTmp", "yes"),
            ),
        ),
        ("Install", (("WantedBy", "multi-user.target"),)),
        head=(f"HAProxy of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",),
    )
