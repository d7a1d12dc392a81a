"""What is around haproxy.cfg on a balancer: its limits, the unit, the secret's file, the kernel settings."""

from __future__ import annotations

from pgc.artifact import Body
from pgc.bodies import Env, Plain, unit
from pgc.cluster import Cluster
from pgc.facts import Certificate, Endpoint
from pgc.provenance import Sourced, because
from pgc.secrets import token
from pgc.templating import word
from pgc_haproxy.facts import SECRET, SERVICES, max_connections, most

FREE_DESCRIPTORS = 1024
PEM = "/run/haproxy/host.pem"
"""Certificate and key in one file, as HAProxy wants them; made when it starts or reloads, so that a renewed one is taken up."""


def clients(cluster: Cluster) -> Sourced:
    if cluster.section.max_connections is not None:
        return cluster.sourced("max_connections")
    paths = cluster.site.origin("objectives", "connections").paths
    return because(
        max_connections(cluster.section, cluster.site),
        "objectives.connections and a tenth more; one balancer must bear all of them",
        *paths,
    )


def maxconn(cluster: Cluster) -> Sourced:
    return because(
        most(cluster.section, cluster.site),
        "every service may be full, and the statistics and the health check are still answered",
        *clients(cluster).origin.paths,
    )


def secret(cluster: Cluster) -> Body:
    return Env(
        {"STATS_PASSWORD": Sourced(token(SECRET), cluster.sourced("stats", "password").origin)},
        ("Read by haproxy.cfg as $STATS_PASSWORD.",),
    )


def kernel(cluster: Cluster) -> Body:
    wanted = clients(cluster)
    return Plain(
        (
            f"# Kernel settings of a balancer of {cluster.name}. Made by pgc.",
            Sourced(f"net.core.somaxconn = {max(4096, wanted.value)}", wanted.origin),
            Sourced(f"net.ipv4.tcp_max_syn_backlog = {max(4096, wanted.value)}", wanted.origin),
            "net.ipv4.ip_local_port_range = 10240 65000",
            "net.ipv4.tcp_tw_reuse = 1",
        )
    )


def _joined(held: Certificate | None) -> str:
    """Return the command that puts certificate and key into one file."""
    if held is None:
        return ""
    files = f"{word(held.certificate_file)} {word(held.key_file)}".replace("%", "%%")
    return f"/bin/sh -c 'umask 077 && cat {files} > {PEM}'"


def daemon(cluster: Cluster, held: Certificate | None) -> Body:
    """Two descriptors a connection, one a check, and some for listeners and logs. Source: HAProxy, admin/systemd/haproxy.service.in."""
    connections = maxconn(cluster)
    checks = SERVICES * len(cluster.facts.all(Endpoint, "pg.role-probe"))
    descriptors = 2 * connections.value + checks + FREE_DESCRIPTORS
    before = [("ExecStartPre", Sourced(_joined(held), held.origin))] if held else []
    again = [("ExecReload", Sourced(_joined(held), held.origin))] if held else []
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
                ("StateDirectory", because("haproxy", "where it is locked in (chroot); nothing is kept there")),
                *before,
                ("ExecStartPre", "/usr/sbin/haproxy -c -q -f /etc/haproxy/haproxy.cfg"),
                ("ExecStart", "/usr/sbin/haproxy -Ws -f /etc/haproxy/haproxy.cfg -p /run/haproxy/haproxy.pid"),
                *again,
                ("ExecReload", "/usr/sbin/haproxy -c -q -f /etc/haproxy/haproxy.cfg"),
                ("ExecReload", "/bin/kill -USR2 $MAINPID"),
                ("KillMode", "mixed"),
                ("Restart", "always"),
                ("RestartSec", "1"),
                ("SuccessExitStatus", "143"),
                ("LimitNOFILE", Sourced(descriptors, connections.origin)),
                ("OOMScoreAdjust", because("-500", "without it no client of this balancer reaches the leader")),
                ("LockPersonality", "yes"),
                ("NoNewPrivileges", "yes"),
                ("ProtectHome", "yes"),
                ("ProtectSystem", "strict"),
                ("ProtectKernelModules", "yes"),
                ("ProtectKernelTunables", "yes"),
                ("ProtectControlGroups", "yes"),
                ("PrivateDevices", "yes"),
                ("PrivateTmp", "yes"),
                ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
                ("RestrictSUIDSGID", "yes"),
                ("SystemCallArchitectures", "native"),
            ),
        ),
        ("Install", (("WantedBy", "multi-user.target"),)),
        head=(f"HAProxy of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",),
    )
