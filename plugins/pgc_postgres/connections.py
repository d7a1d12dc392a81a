"""How many connections a server must take: everybody's claims, what is reserved, and a tenth to spare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import Budget, ConnectionClaim, Endpoint, Fact, Facts
from pgc.provenance import Origin
from pgc.terms import Number, Term
from pgc_postgres import sizing
from pgc_postgres.by_hand import given, number, number_of
from pgc_postgres.parameters import Row, autovacuum_workers
from pgc_postgres.section import PostgresSection
from pgc_postgres.sizing import Demand, round_up

SUPERUSER_RESERVED = 5
LEAST_CONNECTIONS = 30  # below 25 the HA layer returns to PostgreSQL's default
SPARE_WALSENDERS = 3
CONNECTIONS = Path(("objectives", "connections"))


def own_claims(section: PostgresSection, site: Site, known: Facts) -> Iterator[ConnectionClaim]:
    """Yield what nobody else can claim: administrators, and the applications where no pool stands before PostgreSQL."""
    if section.administrators:
        yield ConnectionClaim(
            what="administrators, migrations, dumps",
            slot="client",
            count=section.administrators,
            origin=site.origin("postgres", "administrators"),
        )
    if not known.all(Endpoint, "pg.pooled"):
        yield ConnectionClaim(
            what="applications, without a pool",
            slot="client",
            count=site.objectives.connections,
            origin=site.origin("objectives", "connections"),
        )


def claimed(slot: str, *groups: Iterable[ConnectionClaim]) -> Number:
    """Add up the claims on a slot; a count that is still open is left to the budget, which is judged once it is settled."""
    found = 0
    for group in groups:
        for claim in group:
            count = claim.count
            if isinstance(count, Term):
                if count.variables():
                    continue
                count = count.evaluate({})
            if claim.slot == slot:
                found += int(count)
    return found


def connection_rows(section: PostgresSection, site: Site, known: Facts) -> Iterator[Row]:
    """Yield max_connections and the slots of walsenders, from what everybody claims."""
    own, others = tuple(own_claims(section, site, known)), known.all(ConnectionClaim)
    clients, reserved = claimed("client", own, others), claimed("reserved", own, others)
    wanted = int(max(LEAST_CONNECTIONS, round_up((clients + reserved + SUPERUSER_RESERVED) * 1.1, 10)))
    names = ", ".join(f"{claim.what} {claim.count}" for claim in (*own, *others) if claim.slot != "walsender")
    yield Row(
        "max_connections", wanted, f"{names}, superusers {SUPERUSER_RESERVED}, and a tenth to spare", (CONNECTIONS,)
    )
    yield Row(
        "superuser_reserved_connections",
        SUPERUSER_RESERVED,
        "the HA layer and an administrator get in when all other slots are taken",
    )
    senders = max(10, int(claimed("walsender", others)) + SPARE_WALSENDERS)
    yield Row(
        "max_wal_senders",
        senders,
        f"what replicas and backups claim, and {SPARE_WALSENDERS} to spare; at least PostgreSQL's own 10",
    )
    yield Row("max_replication_slots", senders, "a slot for each walsender")


def demand_of(section: PostgresSection, site: Site, hosts: tuple[Host, ...], known: Facts) -> Demand:
    """Return what the cluster asks of the memory of each host."""
    rows = {row.name: row.value for row in connection_rows(section, site, known)}
    cores = max((host.cores for host in hosts), default=1)
    fixed = {name: int(value) for name in sizing.BY_HAND if (value := number(section, name)) is not None}
    return Demand(
        connections=number_of(section, "max_connections", rows["max_connections"]),
        walsenders=number_of(section, "max_wal_senders", rows["max_wal_senders"]),
        worker_processes=number_of(section, "max_worker_processes", cores + 8),
        parallel_workers=number_of(section, "max_parallel_workers", cores),
        autovacuum_workers=number_of(section, "autovacuum_max_workers", autovacuum_workers(hosts)),
        locks=number_of(section, "max_locks_per_transaction", 64),
        workload=section.workload,
        major=section.version,
        by_hand=fixed,
        logical=given(section).get("wal_level", ("", ""))[1] == "logical",
    )


def connection_facts(section: PostgresSection, site: Site, known: Facts, demand: Demand) -> Iterator[Fact]:
    yield from own_claims(section, site, known)
    reserved = number_of(section, "superuser_reserved_connections", SUPERUSER_RESERVED) + number_of(
        section, "reserved_connections", 0
    )
    reserved += int(claimed("reserved", known.all(ConnectionClaim)))
    taken = given(section)
    where = Path(("postgres", "parameters", taken["max_connections"][0])) if "max_connections" in taken else CONNECTIONS
    yield Budget(
        of="ConnectionClaim",
        pool="client",
        limit=demand.connections - reserved,
        what="connections to PostgreSQL",
        origin=Origin((where,), f"max_connections {demand.connections} less {reserved} reserved"),
    )
    where = (
        Path(("postgres", "parameters", taken["max_wal_senders"][0]))
        if "max_wal_senders" in taken
        else Path(("postgres",))
    )
    yield Budget(
        of="ConnectionClaim",
        pool="walsender",
        limit=demand.walsenders,
        what="replication connections",
        origin=Origin((where,), "max_wal_senders"),
    )
