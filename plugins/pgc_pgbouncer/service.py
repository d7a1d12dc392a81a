"""The unit that runs PgBouncer, and the system user that it runs as."""

from __future__ import annotations

from pgc.artifact import Body
from pgc.bodies import Plain, unit
from pgc.cluster import Cluster
from pgc.provenance import Sourced, because
from pgc_pgbouncer.pools import LOOKUPS, Plan, client_limit, hosts

FREE_DESCRIPTORS = 256


def account(cluster: Cluster) -> Body:
    user = cluster.sourced("system_user")
    return Plain(
        (
            "# Made by pgc from the manifest; change it there. Source: sysusers.d(5).",
            Sourced(f'u {user.value} - "PgBouncer" /run/pgbouncer', user.origin),
        )
    )


def service(cluster: Cluster, plan_: Plan) -> Body:
    section = cluster.section
    clients = client_limit(section, cluster.site)
    needed = descriptors(clients, plan_, len(hosts(section, cluster.site)))
    return unit(
        (
            "Unit",
            (
                ("Description", f"PgBouncer, pooler of the cluster {cluster.name}"),
                ("Documentation", "man:pgbouncer(1)"),
                ("After", "network-online.target patroni.service"),
                ("Wants", "network-online.target"),
                ("StartLimitIntervalSec", "0"),
            ),
        ),
        (
            "Service",
            (
                ("Type", "notify"),
                ("User", cluster.sourced("system_user")),
                ("ExecStart", "/usr/sbin/pgbouncer /etc/pgbouncer/pgbouncer.ini"),
                ("ExecReload", "/bin/kill -HUP $MAINPID"),
                (
                    "KillSignal",
                    because(
                        "SIGINT",
                        "waits until running transactions have ended; SIGTERM waits for clients to go from 1.23 on",
                    ),
                ),
                ("TimeoutStopSec", "30"),
                ("Restart", "always"),
                ("RestartSec", "1"),
                ("RuntimeDirectory", "pgbouncer"),
                ("RuntimeDirectoryMode", "0750"),
                ("LimitNOFILE", because(needed, f"{clients} clients, {plan_.total} servers, peers and files")),
                ("OOMScoreAdjust", because("-500", "all clients of this server hang on it")),
                ("CapabilityBoundingSet", ""),
                ("LockPersonality", "yes"),
                ("MemoryDenyWriteExecute", "yes"),
                ("NoNewPrivileges", "yes"),
                ("PrivateDevices", "yes"),
                ("PrivateTmp", "yes"),
                ("ProtectClock", "yes"),
                ("ProtectControlGroups", "yes"),
                ("ProtectHome", "yes"),
                ("ProtectKernelLogs", "yes"),
                ("ProtectKernelModules", "yes"),
                ("ProtectKernelTunables", "yes"),
                ("ProtectSystem", "strict"),
                ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
                ("RestrictNamespaces", "yes"),
                ("RestrictRealtime", "yes"),
                ("RestrictSUIDSGID", "yes"),
                ("SystemCallArchitectures", "native"),
                ("UMask", "0027"),
            ),
        ),
        ("Install", (("WantedBy", "multi-user.target"),)),
        head=(f"PgBouncer of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",),
    )


def descriptors(clients: int, plan_: Plan, peers: int) -> int:
    """Return how many files it may have open, rounded up to 1024. Source: PgBouncer, doc/config.md: max_client_conn."""
    needed = clients + plan_.total + plan_.lookups + peers * LOOKUPS + FREE_DESCRIPTORS
    return -(-needed // 1024) * 1024
