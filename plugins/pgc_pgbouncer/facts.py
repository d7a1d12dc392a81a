"""What PgBouncer tells the others: what runs where, what it opens and takes, what the database must have for it."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.facts import (
    Certificate,
    Choice,
    ConnectionClaim,
    Endpoint,
    Fact,
    Facts,
    HbaRule,
    HealthCheck,
    MemoryClaim,
    Package,
    Secret,
    Service,
    TimeClaim,
)
from pgc.provenance import Origin
from pgc.terms import Number, Open, var
from pgc_pgbouncer import lookup, procedures
from pgc_pgbouncer.pools import EVERY, Plan, client_limit, hosts, plan, since
from pgc_pgbouncer.section import PgbouncerSection

RETRY = "pgbouncer.server_login_retry_s"
RESTART_S, START_S = 1, 1
FAULTS = ("host lost", "host and DCS leader lost", "network cut", "postgres crashed", "switchover")
LOOPBACK = "127.0.0.1"
SOCKET_DIR = "/run/pgbouncer"
FOLDER = "etc/pgbouncer"
HBA_ORDER = 40

BASE_BYTES = 16 * 1024**2
CLIENT_BYTES = 2 * 1024
BUFFER_BYTES = 4 * 1024
REWRITE_BYTES = 4 * BUFFER_BYTES
TLS_BYTES = 40 * 1024
STATEMENT_BYTES = 5 * 1024

DEFAULT_WAIT_S = 120
SPARE_WAIT_S = 20


def query_wait(section: PgbouncerSection, site: Site) -> Number:
    """Return how long a client may wait for a connection, in seconds: the vendor's default, or a failover and a little more."""
    if section.query_wait_timeout is not None:
        given: Number = section.query_wait_timeout
        return given
    derived: Number = max(DEFAULT_WAIT_S, site.objectives.failover + SPARE_WAIT_S)
    return derived


def statements(section: PgbouncerSection) -> int:
    """Return how many prepared statements are kept; 0 before 1.21, which knows none. Source: PgBouncer, NEWS 1.21, 1.24 (default 200)."""
    if not since(section, "1.21"):
        return 0
    return 200 if section.max_prepared_statements is None else section.max_prepared_statements


def contribute(section: PgbouncerSection, site: Site) -> Iterator[Fact]:
    """Give everything that does not depend on others."""
    chosen = hosts(section, site)
    if not chosen:
        return
    for host in chosen:
        origin = Origin((host.path / "roles",) if host.roles_given else (), "has the role database")
        yield Service(
            host=host.name,
            unit="pgbouncer.service",
            role="pool",
            user=section.system_user,
            after=("patroni.service",),
            description="PgBouncer",
            origin=origin,
        )
        yield Package(
            host=host.name, component="pgbouncer", version=section.version, origin=site.origin("pgbouncer", "version")
        )
        yield HealthCheck(
            name=f"pooler on {host.name}",
            on=host.name,
            command=f"{procedures.console(section)} -Atc 'SHOW VERSION'",
            healthy=f"PgBouncer {section.version}.…",
        )
    yield Secret(
        name=lookup.SECRET,
        reference=section.auth.password or site.secret(lookup.SECRET),
        used_for="PgBouncer's own login, by which it looks up passwords",
        origin=site.origin("pgbouncer", "auth", "password"),
    )
    yield from _timers(section, site)


def _timers(section: PgbouncerSection, site: Site) -> Iterator[Fact]:
    """Give the pause after a failed login: where the server was down a moment ago, clients get its error until the pause is over.

    Source: PgBouncer, doc/config.md: server_login_retry; measured 13.8 s of cached errors with the default (FACTS.md, 1).
    """
    value = Open(RETRY, (15, 10, 5, 2, 1), 60, "s", "PgBouncer's default")
    given = section.server_login_retry
    origin = site.origin("pgbouncer", "server_login_retry")
    yield Choice(open=value if given is None else value.fix(given, "pgbouncer", "server_login_retry"), origin=origin)
    for fault in FAULTS:
        yield TimeClaim(
            fault=fault,
            what="the pooler tries the server again",
            stage=40,
            seconds=var(RETRY),
            origin=origin,
            why="a login that failed just before the server was ready is not repeated for server_login_retry",
        )


    yield TimeClaim(
        fault="pooler crashed",
        what="systemd starts the pooler again",
        stage=10,
        seconds=RESTART_S + START_S,
        why="RestartSec, and the time until it listens; sessions through it are lost",
    )
    yield TimeClaim(
        fault="pooler frozen",
        what="nothing that a timer ends",
        seconds=None,
        why="the balancer asks the host's role, not its pooler: a pooler that hangs on the leader's host keeps its clients waiting",
    )


def derive(section: PgbouncerSection, site: Site, known: Facts) -> Iterator[Fact]:
    """Give what follows from databases, roles and certificates."""
    chosen = hosts(section, site)
    if not chosen:
        return
    plan_ = plan(section, site, known)
    yield from _endpoints(section, site, chosen, known)
    yield from _claims(section, site, chosen, plan_, known)
    yield from _access(section, site, chosen, plan_, known)
    yield from lookup.contribute(section, site, plan_, known)
    yield from procedures.derive(section, site, chosen, plan_, known)


def _endpoints(section: PgbouncerSection, site: Site, chosen: tuple[Host, ...], known: Facts) -> Iterator[Endpoint]:
    details = (
        ("max_clients", str(client_limit(section, site))),
        ("mode", section.mode),
        ("query_wait_timeout_s", str(query_wait(section, site))),
        ("socket_dir", SOCKET_DIR),
        ("user", section.system_user),
    )
    field = "max_client_connections" if section.max_client_connections is not None else "port"
    origin = site.origin("pgbouncer", field)
    for host in chosen:
        scheme = "tls" if known.on(host.name, Certificate) else "tcp"
        yield Endpoint(
            host=host.name,
            offers="pg.pooled",
            address=host.address,
            port=section.port,
            scheme=scheme,
            details=details,
            origin=origin,
        )


def _claims(
    section: PgbouncerSection, site: Site, chosen: tuple[Host, ...], plan_: Plan, known: Facts
) -> Iterator[Fact]:
    terms = ", ".join(f"{pool.name} {pool.limit}" for pool in plan_.pools[:8]) + (", …" if len(plan_.pools) > 8 else "")
    field = "server_connections" if section.server_connections is not None or not section.pools else "pools"
    yield ConnectionClaim(
        what="pools of PgBouncer",
        slot="client",
        count=plan_.total,
        origin=Origin(site.origin("pgbouncer", field).paths, f"limits of all roles: {terms}"),
    )
    yield ConnectionClaim(
        what="PgBouncer's lookups of passwords",
        slot="client",
        count=plan_.lookups,
        origin=Origin(
            site.origin("pgbouncer", "auth", "database").paths,
            "one small pool looks up passwords, before 1.19 one for each database",
        ),
    )
    clients = client_limit(section, site)
    for host in chosen:
        tls = bool(known.on(host.name, Certificate))
        yield MemoryClaim(
            host=host.name,
            what="PgBouncer",
            claim_bytes=memory_bytes(section, clients, plan_.total, tls),
            origin=Origin(
                site.origin("objectives", "connections").paths,
                f"{clients} clients and {plan_.total} servers, each with a buffer",
            ),
        )


def memory_bytes(section: PgbouncerSection, clients: int, servers: int, tls: bool) -> int:
    """Return the memory of one PgBouncer at worst, in bytes.

    Sources: pgbouncer.org, Features: 2 kB a connection; doc/config.md: pkt_buf 4 kB, max_prepared_statements (4 × pkt_buf a client that
    prepares, each query once, 5 kB in its example). What TLS takes (40 kB) is an assumption: OpenSSL's buffers of one connection.
    """
    one = CLIENT_BYTES + BUFFER_BYTES + (TLS_BYTES if tls else 0)
    kept = statements(section)
    prepared = clients * REWRITE_BYTES + kept * STATEMENT_BYTES if kept else 0
    return BASE_BYTES + (clients + servers) * one + prepared


def _access(
    section: PgbouncerSection, site: Site, chosen: tuple[Host, ...], plan_: Plan, known: Facts
) -> Iterator[HbaRule]:
    """Let PgBouncer log in as its clients from its own host, and as itself where it looks up passwords.

    With certificates it connects to the host's own address, because that is what the certificate is for.
    """
    encrypted = all(known.on(host.name, Certificate) for host in chosen)
    connection, address = ("hostssl", "samehost") if encrypted else ("host", f"{LOOPBACK}/32")
    databases = {pool.database: pool for pool in plan_.pools}
    for name, pool in databases.items():
        origin = site.origin(*pool.path, reason="PgBouncer logs in as its clients")
        yield HbaRule(
            connection=connection,
            database="all" if name == EVERY else name,
            user="all",
            address=address,
            method="scram-sha-256",
            order=HBA_ORDER,
            purpose="pool",
            origin=origin,
        )
    for name in lookup.databases(section, plan_):
        if name not in databases and EVERY not in databases and lookup.own_role(section, known) is None:
            yield HbaRule(
                connection=connection,
                database=name,
                user=section.auth.user,
                address=address,
                method="scram-sha-256",
                order=HBA_ORDER,
                purpose="pool",
                origin=site.origin("pgbouncer", "auth", "user", reason="PgBouncer looks up passwords"),
            )
