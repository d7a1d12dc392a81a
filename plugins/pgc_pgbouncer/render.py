"""pgbouncer.ini, the peers, userlist.txt, the unit and the system user."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from pgc.artifact import Artifact, Body
from pgc.bodies import Ini, Plain, unit
from pgc.cluster import Cluster, Host
from pgc.facts import Certificate, Endpoint, Role
from pgc.provenance import Origin, Sourced, because
from pgc.secrets import token
from pgc.terms import tidy
from pgc_pgbouncer.facts import (
    LOOPBACK,
    RETRY,
    SECRET,
    SOCKET_DIR,
    lookup_databases,
    query,
    query_wait,
    statements,
)
from pgc_pgbouncer.pools import EVERY, LOOKUPS, Plan, client_limit, hosts, plan, since

FOLDER = "etc/pgbouncer"
UNIT = "pgbouncer.service"
FREE_DESCRIPTORS = 256
LAST_PEER = 16383


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give every database host its files; what is equal on many hosts is made once."""
    section, site = cluster.section, cluster.site
    chosen = hosts(section, site)
    if not chosen:
        return
    plan_ = plan(section, site, cluster.facts)
    owner = f"root:{section.system_user}"
    passwords, service, account = _userlist(cluster), _unit(cluster, plan_), _account(cluster)
    peers = peer_ids(host.name for host in chosen) if since(section, "1.19") and len(chosen) > 1 else {}
    everybody = _peers(cluster, chosen, peers)
    bodies: dict[Any, Body] = {}
    for host in chosen:
        certificate = next(iter(cluster.facts.on(host.name, Certificate)), None)
        server = _server(cluster, host, certificate)
        key = server.value, certificate and (certificate.certificate_file, certificate.key_file, certificate.authority_file)
        if key not in bodies:
            bodies[key] = _config(cluster, plan_, server, certificate, bool(peers))
        yield Artifact(f"{FOLDER}/pgbouncer.ini", "pgbouncer.ini", bodies[key], host=host.name, consumer=UNIT, owner=owner, mode="0640")
        if peers:
            number = because(peers[host.name], "made from the host's name, so it stays when others come and go", host.path)
            own = Plain((f"; {_version(cluster)}", Sourced(f"peer_id = {number.value}", number.origin)))
            yield Artifact(f"{FOLDER}/peer.ini", "pgbouncer.ini", own, host=host.name, consumer=UNIT, owner=owner, mode="0640")
            yield Artifact(f"{FOLDER}/peers.ini", "pgbouncer.ini", everybody, host=host.name, consumer=UNIT, owner=owner, mode="0640")
        yield Artifact(f"{FOLDER}/userlist.txt", "pgbouncer.userlist", passwords, host=host.name, consumer=UNIT, owner=owner, mode="0640")
        yield Artifact(f"etc/systemd/system/{UNIT}", "systemd.unit", service, host=host.name, consumer="systemd")
        yield Artifact("etc/sysusers.d/pgbouncer.conf", "pgbouncer.sysusers", account, host=host.name, consumer="systemd-sysusers.service")


def peer_ids(names: Iterable[str]) -> dict[str, int]:
    """Return a number from 1 to 16383 for each host, made from its name; where two meet, the later name takes the next free one.

    Source: PgBouncer, doc/config.md: peer_id.
    """
    taken: dict[int, str] = {}
    for name in sorted(names):
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") % LAST_PEER + 1
        while number in taken:
            number = number % LAST_PEER + 1
        taken[number] = name
    return {name: number for number, name in taken.items()}


# ── pgbouncer.ini ────────────────────────────────────────────────────────────────────────────────────────────────────


def _server(cluster: Cluster, host: Host, certificate: Certificate | None) -> Sourced:
    """Return the name of PostgreSQL on the same host: with certificates the one that is in them, because it is verified."""
    if certificate is None:
        return because(LOOPBACK, "PostgreSQL on the same host")
    name = host.name if host.address not in certificate.names and host.name in certificate.names else host.address
    return because(name, "PostgreSQL on the same host, by a name that its certificate has", host.path / "address")


def _config(cluster: Cluster, plan_: Plan, server: Sourced, certificate: Certificate | None, peered: bool) -> Body:
    rows = _settings(cluster, plan_)
    if certificate is not None:
        rows |= _tls(certificate)
    rows |= {str(key): _raw(cluster, key) for key in cluster.section.raw}
    head = [f"PgBouncer of the cluster {cluster.name}. Made by pgc from the manifest; change it there.", _version(cluster)]
    if peered:
        head.append("peer.ini holds what differs from host to host, peers.ini the others: cancel requests may reach any of them.")
    users = tuple(_users(cluster, plan_))
    served = (("databases", tuple(_databases(cluster, plan_, server))), *((("users", users),) if users else ()))
    return _Included(
        (Ini(served, tuple(head)), "peers.ini" if peered else ""), (Ini((("pgbouncer", tuple(rows.items())),)), "peer.ini" if peered else ""))


class _Included:
    """An INI file whose parts are followed by `%include` lines.

    A second [pgbouncer] section would set everything in the first one back to its default (measured with 1.24.1), so peer.ini has no section
    and is included inside of ours, and peers.ini, which has its own, before it.
    Source: PgBouncer, doc/config.md, "Include directive"; libusual, usual/cfparser.c, load_handler: a section starts with its defaults.
    """

    __slots__ = ("_parts",)

    def __init__(self, *parts: tuple[Ini, str]) -> None:
        self._parts = parts

    def text(self) -> str:
        return self.traced()[0]

    def traced(self) -> tuple[str, tuple[tuple[Origin, ...], ...]]:
        texts: list[str] = []
        origins: list[tuple[Origin, ...]] = []
        for ini, name in self._parts:
            text, lines = ini.traced()
            after = f"%include /{FOLDER}/{name}\n\n" if name else "\n"
            texts += (text, after)
            origins += (*lines, *((),) * after.count("\n"))
        return "".join(texts).removesuffix("\n"), tuple(origins[:-1])


def _databases(cluster: Cluster, plan_: Plan, server: Sourced) -> Iterator[tuple[str, Sourced]]:
    section = cluster.section
    port = next((endpoint.port for endpoint in cluster.facts.all(Endpoint, "pg.sql")), 5432)
    reserve = "reserve_pool_size" if since(section, "1.24") else "reserve_pool"
    lookups = lookup_databases(section, plan_)
    for pool in plan_.pools:
        limit = pool.limit + (LOOKUPS if pool.database in lookups else 0)
        words = [f"host={server.value}", f"port={port}"]
        if pool.database not in (pool.name, EVERY):
            words.append(f"dbname={_word(pool.database)}")
        words += [f"pool_size={pool.size}", f"{reserve}={pool.reserve}", f"max_db_connections={limit}"]
        if pool.min_size:
            words.append(f"min_pool_size={pool.min_size}")
        if pool.mode != section.mode:
            words.append(f"pool_mode={pool.mode}")
        reason = f"{pool.size} and {pool.reserve} for each role, {limit} for all: {pool.reason}"
        yield pool.name, Sourced(" ".join(words), cluster.site.origin(*pool.path, reason=reason))
    if since(section, "1.19") and all(pool.name != section.auth.database for pool in plan_.pools):
        words = [f"host={server.value}", f"port={port}", f"pool_size={LOOKUPS}", f"{reserve}=0", f"max_db_connections={LOOKUPS}"]
        yield section.auth.database, Sourced(" ".join(words), cluster.site.origin("pgbouncer", "auth", "database", reason="passwords are looked up here"))


def _word(value: str) -> str:
    """Quote a value of a connection string. Source: PgBouncer, src/loader.c, cstr_get_value: single quotes, doubled inside."""
    return "'" + value.replace("'", "''") + "'"


def _users(cluster: Cluster, plan_: Plan) -> Iterator[tuple[str, Sourced]]:
    caps = {name: (limit, path) for name, limit, path in plan_.caps}
    for name in sorted({*caps, *cluster.section.users}):
        spec, words, paths = cluster.section.users.get(name), [], []
        if spec is not None:
            words += [f"pool_mode={spec.mode}"] * (spec.mode is not None) + [f"pool_size={spec.size}"] * (spec.size is not None)
            paths.append(cluster.site.origin("pgbouncer", "users", name).paths)
        if name in caps:
            words.append(f"max_user_connections={caps[name][0]}")
            paths.append((caps[name][1],))
        if words:
            found = tuple(dict.fromkeys(path for group in paths for path in group))
            yield name, Sourced(" ".join(words), Origin(found, "the role's own limit: its clients wait here instead of being refused there"))


def _settings(cluster: Cluster, plan_: Plan) -> dict[str, Any]:
    section, site = cluster.section, cluster.site
    clients = client_limit(section, site)
    objective = site.origin("objectives", "connections").paths
    return {
        "listen_addr": because("*", "balancers and clients on the host itself"),
        "listen_port": cluster.sourced("port"),
        "listen_backlog": because(max(128, min(4096, clients)), "a storm of clients waits in the kernel; more than net.core.somaxconn counts for nothing", *objective),
        "unix_socket_dir": because(SOCKET_DIR, "the console without a password, for the system user only"),
        "unix_socket_mode": "0770",
        **_authentication(cluster),
        "pool_mode": cluster.sourced("mode"),
        "max_client_conn": _clients(cluster, clients),
        "default_pool_size": because(min((pool.size for pool in plan_.pools), default=LOOKUPS), "what a pool gets that is not named here"),
        "reserve_pool_timeout": _seconds(cluster.sourced("reserve_timeout")),
        **({"max_prepared_statements": _statements(cluster)} if since(section, "1.21") else {}),
        "ignore_startup_parameters": Sourced(", ".join(section.ignore_startup_parameters), cluster.sourced("ignore_startup_parameters").origin),
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
    monitors = (role.name for role in cluster.facts.all(Role, "monitor") if "," not in role.name and " " not in role.name)
    settings: dict[str, Any] = {
        "auth_type": because("scram-sha-256", "passwords cross the network as SCRAM only"),
        "auth_file": because(f"/{FOLDER}/userlist.txt", "PgBouncer's own login"),
        "auth_user": cluster.sourced("auth", "user"),
        "auth_query": Sourced(query(section), cluster.site.origin("pgbouncer", "auth", "query")),
    }
    if since(section, "1.19"):
        settings["auth_dbname"] = cluster.sourced("auth", "database")
    if section.admin_users:
        settings["admin_users"] = Sourced(", ".join(section.admin_users), cluster.sourced("admin_users").origin)
    if stats := list(dict.fromkeys((*section.stats_users, *monitors))):
        settings["stats_users"] = Sourced(", ".join(stats), cluster.sourced("stats_users").origin)
    return settings


def _tls(certificate: Certificate) -> dict[str, Any]:
    """Return TLS on both sides; PostgreSQL's certificate is verified with its name, and PgBouncer shows its own."""
    files = {"key_file": certificate.key_file, "cert_file": certificate.certificate_file, "ca_file": certificate.authority_file}
    rows: dict[str, Any] = {"client_tls_sslmode": "require", **{f"client_tls_{name}": file for name, file in files.items()}, "client_tls_protocols": "secure"}
    rows |= {"server_tls_sslmode": "verify-full", **{f"server_tls_{name}": file for name, file in files.items()}, "server_tls_protocols": "secure"}
    return {name: Sourced(value, certificate.origin) for name, value in rows.items()}


def _raw(cluster: Cluster, key: Any) -> Sourced:
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
    return because(tidy(query_wait(cluster.section, cluster.site)), "clients survive a failover while they wait", *paths)


def _seconds(value: Sourced) -> Sourced:
    return Sourced(tidy(value.value), value.origin)


# ── the other files ──────────────────────────────────────────────────────────────────────────────────────────────────


def _peers(cluster: Cluster, chosen: tuple[Host, ...], peers: dict[str, int]) -> Body:
    """All poolers know each other: a cancel request comes on a connection of its own, which the balancer may send to another one."""
    rows = [
        (str(peers[host.name]), because(f"host={host.address} port={cluster.section.port}", f"the pooler on {host.name}", host.path / "address"))
        for host in chosen if host.name in peers
    ]
    return Ini((("peers", tuple(rows)),), (f"Poolers of the cluster {cluster.name}. Made by pgc from the manifest; change it there.", _version(cluster)))


def _version(cluster: Cluster) -> str:
    """Say for which version a file is written: another one may refuse it (see validators.py)."""
    return f"For PgBouncer {cluster.section.version}."


def _userlist(cluster: Cluster) -> Body:
    origin = cluster.site.origin("pgbouncer", "auth", "password", reason="PgBouncer needs the password itself: a SCRAM secret cannot log in as auth_user")
    return Plain((Sourced(f'"{cluster.section.auth.user}" "{token(SECRET)}"', origin),))


def _account(cluster: Cluster) -> Body:
    user = cluster.sourced("system_user")
    return Plain((
        "# Made by pgc from the manifest; change it there. Source: sysusers.d(5).",
        Sourced(f'u {user.value} - "PgBouncer" /run/pgbouncer', user.origin),
    ))


def _unit(cluster: Cluster, plan_: Plan) -> Body:
    section = cluster.section
    clients = client_limit(section, cluster.site)
    needed = descriptors(clients, plan_, len(hosts(section, cluster.site)))
    return unit(
        ("Unit", (
            ("Description", f"PgBouncer, pooler of the cluster {cluster.name}"),
            ("Documentation", "man:pgbouncer(1)"),
            ("After", "network-online.target patroni.service"),
            ("Wants", "network-online.target"),
            ("StartLimitIntervalSec", "0"),
        )),
        ("Service", (
            ("Type", "notify"),
            ("User", cluster.sourced("system_user")),
            ("ExecStart", "/usr/sbin/pgbouncer /etc/pgbouncer/pgbouncer.ini"),
            ("ExecReload", "/bin/kill -HUP $MAINPID"),
            ("KillSignal", because("SIGINT", "waits until running transactions have ended; SIGTERM waits for clients to go from 1.23 on")),
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
        )),
        ("Install", (("WantedBy", "multi-user.target"),)),
        head=(f"PgBouncer of the cluster {cluster.name}. Made by pgc from the manifest; change it there.",),
    )


def descriptors(clients: int, plan_: Plan, peers: int) -> int:
    """Return how many files it may have open, rounded up to 1024. Source: PgBouncer, doc/config.md: max_client_conn."""
    needed = clients + plan_.total + plan_.lookups + peers * LOOKUPS + FREE_DESCRIPTORS
    return -(-needed // 1024) * 1024


