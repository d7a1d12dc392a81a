"""The [pgbouncer] section: every setting with its reason, by version."""

from __future__ import annotations

from typing import Any

from pgc.cluster import Cluster
from pgc.facts import Certificate, Role
from pgc.provenance import Sourced, because
from pgc.terms import tidy
from pgc_pgbouncer import lookup
from pgc_pgbouncer.facts import FOLDER, RETRY, SOCKET_DIR, query_wait, statements
from pgc_pgbouncer.pools import LOOKUPS, Plan, client_limit, since


def settings(cluster: Cluster, plan_: Plan) -> dict[str, Any]:
    """Return the settings in the order of a reader's questions: where, who, how many, how long."""
    section, site = cluster.section, cluster.site
    clients = client_limit(section, site)
    objective = site.origin("objectives", "connections").paths
    return {
        "listen_addr": because("*", "balancers and clients on the host itself"),
        "listen_port": cluster.sourced("port"),
        "listen_backlog": because(
            max(128, min(4096, clients)),
            "a storm of clients waits in the kernel; more than net.core.somaxconn counts for nothing",
            *objective,
        ),
        "unix_socket_dir": because(SOCKET_DIR, "the console without a password, for the system user only"),
        "unix_socket_mode": "0770",
        **_authentication(cluster),
        "pool_mode": cluster.sourced("mode"),
        "max_client_conn": _clients(cluster, clients),
        "default_pool_size": because(
            min((pool.size for pool in plan_.pools), default=LOOKUPS), "what a pool gets that is not named here"
        ),
        "reserve_pool_timeout": _seconds(cluster.sourced("reserve_timeout")),
        **({"max_prepared_statements": _statements(cluster)} if since(section, "1.21") else {}),
        "ignore_startup_parameters": Sourced(
            ", ".join(section.ignore_startup_parameters), cluster.sourced("ignore_startup_parameters").origin
        ),
        "server_reset_query": because("DISCARD ALL", "for session pools: the next client finds a clean session"),
        "server_check_query": because("<empty>" if since(section, "1.25") else "select 1", "the version's own"),
        "server_check_delay": because(10, "a connection that rested for 10 s is tried before a client gets it"),
        "server_lifetime": _seconds(cluster.sourced("server_lifetime")),
        "server_idle_timeout": _seconds(cluster.sourced("server_idle_timeout")),
        "server_connect_timeout": because(5, "the server is on the same host: it answers at once or not at all"),
        "server_login_retry": _seconds(cluster.value(RETRY)),
        "query_wait_timeout": _wait(cluster),
        **({"cancel_wait_timeout": because(10, "PgBouncer's default")} if since(section, "1.19") else {}),
        "client_login_timeout": because(60, "PgBouncer's default"),
        "client_idle_timeout": _seconds(cluster.sourced("client_idle_timeout")),
        "tcp_keepalive": because(1, "a client or balancer that vanished is noticed"),
        "tcp_keepidle": because(60, "the first probe after a minute of silence, as the balancer does it"),
        "tcp_keepintvl": because(10, "three probes, 10 s apart"),
        "tcp_keepcnt": because(3, "three probes, 10 s apart"),
        "tcp_user_timeout": because(10_000, "what was sent and not acknowledged for 10 s is lost"),
        "log_stats": because(0, "the console tells the same to whoever asks"),
    }


def _authentication(cluster: Cluster) -> dict[str, Any]:
    section = cluster.section
    monitors = (
        role.name for role in cluster.facts.all(Role, "monitor") if "," not in role.name and " " not in role.name
    )
    settings: dict[str, Any] = {
        "auth_type": because("scram-sha-256", "passwords cross the network as SCRAM only"),
        "auth_file": because(f"/{FOLDER}/userlist.txt", "PgBouncer's own login"),
        "auth_user": cluster.sourced("auth", "user"),
        "auth_query": Sourced(lookup.query(section), cluster.site.origin("pgbouncer", "auth", "query")),
    }
    if since(section, "1.19"):
        settings["auth_dbname"] = cluster.sourced("auth", "database")
    if section.admin_users:
        settings["admin_users"] = Sourced(", ".join(section.admin_users), cluster.sourced("admin_users").origin)
    if stats := list(dict.fromkeys((*section.stats_users, *monitors))):
        settings["stats_users"] = Sourced(", ".join(stats), cluster.sourced("stats_users").origin)
    return settings


def tls(certificate: Certificate) -> dict[str, Any]:
    """Return TLS on both sides; PostgreSQL's certificate is verified with its name, and PgBouncer shows its own."""
    files = {
        "key_file": certificate.key_file,
        "cert_file": certificate.certificate_file,
        "ca_file": certificate.authority_file,
    }
    rows: dict[str, Any] = {
        "client_tls_sslmode": "require",
        **{f"client_tls_{name}": file for name, file in files.items()},
        "client_tls_protocols": "secure",
    }
    rows |= {
        "server_tls_sslmode": "verify-full",
        **{f"server_tls_{name}": file for name, file in files.items()},
        "server_tls_protocols": "secure",
    }
    return {name: Sourced(value, certificate.origin) for name, value in rows.items()}


def raw(cluster: Cluster, key: Any) -> Sourced:
    value = cluster.sourced("raw", key)
    return Sourced(int(value.value), value.origin) if isinstance(value.value, bool) else value


def _clients(cluster: Cluster, clients: int) -> Sourced:
    if cluster.section.max_client_connections is not None:
        return cluster.sourced("max_client_connections")
    paths = cluster.site.origin("objectives", "connections").paths
    return because(clients, "objectives.connections and a fifth more; after a failover all clients are here", *paths)


def _statements(cluster: Cluster) -> Sourced:
    kept = statements(cluster.section)
    if cluster.section.max_prepared_statements is not None:
        return cluster.sourced("max_prepared_statements")
    return because(kept, "drivers that prepare statements work in transaction pools too; the default from 1.24 on")


def _wait(cluster: Cluster) -> Sourced:
    if cluster.section.query_wait_timeout is not None:
        return _seconds(cluster.sourced("query_wait_timeout"))
    paths = cluster.site.origin("objectives", "failover").paths
    return because(
        tidy(query_wait(cluster.section, cluster.site)), "clients survive a failover while they wait", *paths
    )


def _seconds(value: Sourced) -> Sourced:
    return Sourced(tidy(value.value), value.origin)
