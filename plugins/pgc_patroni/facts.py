"""What Patroni tells the others: what runs where, which roles it has, what PostgreSQL must be told, what it takes."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.facts import (
    ConnectionClaim,
    Fact,
    Grant,
    HbaRule,
    IdentRule,
    MemoryClaim,
    Package,
    Parameter,
    Role,
    Secret,
    Service,
)
from pgc.provenance import Origin
from pgc_patroni import layout, timers, times
from pgc_patroni.section import PatroniSection

MEMORY_BYTES = (
    96 * 1024**2
)  # resident set of Patroni 4 with two database connections and its REST API, with room for a reload
WAL_LEVELS = ("minimal", "replica", "logical")

REWIND_FUNCTIONS = (
    "pg_catalog.pg_ls_dir(text, boolean, boolean)",
    "pg_catalog.pg_stat_file(text, boolean)",
    "pg_catalog.pg_read_binary_file(text)",
    "pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)",
)
"""Source: PostgreSQL, pg_rewind, Notes; Patroni grants the same at its own bootstrap (bootstrap.py, post_bootstrap)."""

USES = {
    "superuser": "the database superuser, which logs in over the local socket only",
    "replication": "standbys that stream from the leader",
    "rewind": "pg_rewind, when a former leader rejoins",
    "rest": "calls to Patroni's REST API that change something, patronictl among them",
}


def contribute(section: PatroniSection, site: Site) -> Iterator[Fact]:
    """Give everything that does not depend on others."""
    members = layout.members(site)
    if not members:
        return
    for host in members:
        origin = Origin((host.path / "roles",) if host.roles_given else (), "has the role database")
        yield Service(
            host=host.name,
            unit="patroni.service",
            role="ha",
            user=layout.USER,
            description="Patroni and PostgreSQL",
            origin=origin,
        )
        yield Package(
            host=host.name, component="patroni", version=section.version, origin=site.origin("patroni", "version")
        )
        yield MemoryClaim(host=host.name, what="Patroni", claim_bytes=MEMORY_BYTES, origin=origin)
    yield from timers.contribute(section, site)
    yield from times.contribute(section, site)
    yield from _roles(section, site)
    yield from _local_access(section, site)
    yield from _parameters(section, site, members)
    yield from _connections(section, site, members)


def _roles(section: PatroniSection, site: Site) -> Iterator[Fact]:
    for name, use in USES.items():
        field = ("rest", "secret") if name == "rest" else ("roles", name, "secret")
        yield Secret(
            name=name,
            reference=layout.reference(section, site, name),
            used_for=use,
            origin=site.origin("patroni", *field),
        )
    taken: set[str] = set()
    for purpose in layout.ROLE_NAMES:
        role = layout.role(section, site, purpose)
        if role.value in taken:
            continue  # checks/versions.py speaks of it
        taken.add(role.value)
        yield Role(
            name=role.value,
            purpose=purpose,
            superuser=purpose == "superuser",
            replication=purpose in ("superuser", "replication"),
            createdb=purpose == "superuser",
            createrole=purpose == "superuser",
            secret=purpose,
            origin=role.origin,
        )
    rewind = layout.role(section, site, "rewind")
    for function in REWIND_FUNCTIONS:
        yield Grant(
            database="postgres",
            kind="function",
            target=function,
            privileges=("EXECUTE",),
            to=rewind.value,
            origin=rewind.origin,
        )


def _local_access(section: PatroniSection, site: Site) -> Iterator[Fact]:
    """Give what Patroni needs on its own host: it runs as the system user of the superuser, and speaks over the socket."""
    superuser, replication = layout.role(section, site, "superuser"), layout.role(section, site, "replication")
    mapped = () if superuser.value == layout.USER else (("map", "patroni"),)
    yield HbaRule(
        connection="local",
        database="all",
        user=superuser.value,
        method="peer",
        options=mapped,
        order=10,
        purpose="superuser",
        origin=superuser.origin,
    )
    if mapped:
        yield IdentRule(map="patroni", system=layout.USER, role=superuser.value, origin=superuser.origin)
    yield HbaRule(
        connection="local",
        database="replication",
        user=replication.value,
        method="scram-sha-256",
        order=30,
        purpose="replication",
        origin=replication.origin,
    )


def _parameters(section: PatroniSection, site: Site, members: tuple[Host, ...]) -> Iterator[Parameter]:
    """Give what PostgreSQL must be told for replication, pg_rewind and failover; what others need more of wins."""
    origin = site.origin("patroni", "slots")
    logical = sum(slot.type == "logical" for slot in section.slots.values())
    count = len(members)
    yield Parameter(
        name="wal_level",
        value="logical" if logical else "replica",
        joins="level",
        levels=WAL_LEVELS,
        origin=Origin(
            origin.paths if logical else (), "standbys stream WAL" + (", and a slot decodes it" if logical else "")
        ),
    )
    yield Parameter(
        name="wal_log_hints",
        value=True,
        origin=Origin((), "pg_rewind works also where a data directory has no checksums"),
    )
    yield Parameter(
        name="max_wal_senders",
        value=max(10, walsenders(section, members) + 2),
        joins="max",
        origin=Origin(
            origin.paths,
            f"{count - 1} standbys, a copy for a new one, {logical} logical slots, and two to spare; at least PostgreSQL's default",
        ),
    )
    yield Parameter(
        name="max_replication_slots",
        value=max(10, count + len(section.slots) + 2),
        joins="max",
        origin=Origin(
            origin.paths,
            f"one for each of {count} members, {len(section.slots)} permanent ones, and two to spare; at least PostgreSQL's default",
        ),
    )
    yield Parameter(
        name=timers.REPLAY, value=1000 * timers.timer(timers.REPLAY), origin=site.origin("patroni", timers.REPLAY)
    )


def walsenders(section: PatroniSection, members: tuple[Host, ...]) -> int:
    """Return how many WAL senders Patroni's own standbys take at worst."""
    logical = sum(slot.type == "logical" for slot in section.slots.values())
    return len(members) - 1 + (2 if len(members) > 1 else 0) + logical


def _connections(section: PatroniSection, site: Site, members: tuple[Host, ...]) -> Iterator[ConnectionClaim]:
    logical = sum(slot.type == "logical" for slot in section.slots.values())
    origin = Origin((), "Patroni's own connections")
    yield ConnectionClaim(what="Patroni: heartbeat, REST API", slot="client", count=2, origin=origin)
    if len(members) > 1:
        yield ConnectionClaim(
            what="pg_rewind of a former leader, copies of slots", slot="client", count=2, origin=origin
        )
        yield ConnectionClaim(what="standbys", slot="walsender", count=len(members) - 1, origin=origin)
        yield ConnectionClaim(
            what="a standby that is copied anew (data and WAL)", slot="walsender", count=2, origin=origin
        )
    if logical:
        yield ConnectionClaim(
            what="permanent logical slots", slot="walsender", count=logical, origin=site.origin("patroni", "slots")
        )
