"""How many connections each pool may open: worked out once, proved by max_db_connections.

PgBouncer opens a pool for each pair of database and role, so the number of pools is not known. What bounds their sum is
the limit for all roles of a database (max_db_connections): its sum over the databases is what PostgreSQL must bear,
whoever connects.
Source: PgBouncer, doc/config.md: default_pool_size, max_db_connections, max_user_connections.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import DatabaseObject, Facts, Role
from pgc_pgbouncer.section import PgbouncerSection, PoolSpec

CONNECTIONS_A_CORE = 10
FEWEST, MOST = 20, 400
LEAST_SHARE = 5
LOOKUPS = 4
"""Connections that look up passwords at the same time: a lookup takes about a millisecond."""
EVERY = "*"

_LISTABLE = re.compile(r"[A-Za-z0-9_.-]+\Z")


@dataclass(frozen=True, slots=True)
class Pool:
    """The pools of one entry of [databases]: `size` and `reserve` for each role, `limit` for all roles together."""

    name: str
    database: str
    size: int
    reserve: int
    limit: int
    min_size: int
    mode: str
    path: Path
    reason: str

    @property
    def one_role(self) -> int:
        """What one role may open."""
        return min(self.size + self.reserve, self.limit)


@dataclass(frozen=True, slots=True)
class Plan:
    """All pools of one PgBouncer. `caps` are the limits of single roles, `lookups` the connections that ask for passwords."""

    pools: tuple[Pool, ...]
    caps: tuple[tuple[str, int, Path], ...]
    lookups: int

    @property
    def total(self) -> int:
        """Connections to PostgreSQL at worst, without the lookups."""
        return sum(pool.limit for pool in self.pools)


def since(section: PgbouncerSection, version: str) -> bool:
    """Say whether the installed version is this one or a later one."""
    return int(section.version[2:]) >= int(version[2:])


def listable(name: str) -> bool:
    """Say whether a name can stand on the left in pgbouncer.ini.

    The documentation promises quoted names, but 1.18 and 1.24 refuse them in every form (tried with both).
    Source: libusual, usual/cfparser.c: letters, digits and `_.-*`.
    """
    return bool(_LISTABLE.match(name))


def hosts(section: PgbouncerSection, site: Site) -> tuple[Host, ...]:
    """Return the hosts that run PgBouncer: those with a database."""
    return site.with_role("database") if section.enabled else ()


def client_limit(section: PgbouncerSection, site: Site) -> int:
    """Return how many clients one PgBouncer must bear: all, because after a failover they are all with the new leader."""
    wanted = site.objectives.connections
    return section.max_client_connections or wanted + max(50, wanted // 5)


def server_limit(section: PgbouncerSection, site: Site) -> int:
    """Return how many connections the pools share: enough to keep the cores busy, or one a client where sessions hold them."""
    if section.server_connections is not None:
        return section.server_connections
    if section.mode == "session":
        return site.objectives.connections
    cores = min((host.cores for host in hosts(section, site)), default=1)
    return min(max(FEWEST, min(MOST, CONNECTIONS_A_CORE * cores)), max(LEAST_SHARE, site.objectives.connections))


def plan(section: PgbouncerSection, site: Site, known: Facts) -> Plan:
    """Share the connections out: what is set by hand first, the rest in equal parts."""
    entries, limits = _entries(section, known)
    roles = max(1, len([role for role in known.all(Role) if role.login and role.purpose == "application"]))
    by_hand = {name: _by_hand(spec, roles) for name, (_, spec) in entries.items()}
    left = server_limit(section, site) - sum(limit or 0 for limit in by_hand.values())
    shares = [name for name, limit in by_hand.items() if limit is None]
    share = max(LEAST_SHARE, left // len(shares)) if shares else 0
    pools = tuple(
        _pool(section, name, database, spec, by_hand[name], share, roles, limits.get(database, -1))
        for name, (database, spec) in entries.items()
    )
    return Plan(pools, tuple(_caps(section, pools, known)), LOOKUPS * (1 if since(section, "1.19") else len(pools)))


def _entries(section: PgbouncerSection, known: Facts) -> tuple[dict[str, tuple[str, PoolSpec]], dict[str, int]]:
    """Return the entries of [databases] by name, with the limits that the databases themselves have."""
    limits = {
        fact.name: int(dict(fact.attributes).get("connection_limit", -1))
        for fact in known.all(DatabaseObject, "database")
    }
    nothing = PoolSpec.model_validate({})
    entries = {name: (name, nothing) for name in sorted(limits) if listable(name) and name != "pgbouncer"}
    entries |= {name: (spec.database or name, spec) for name, spec in sorted(section.pools.items())}
    if section.wildcard if section.wildcard is not None else not entries:
        entries[EVERY] = (EVERY, nothing)
    return entries, limits


def _by_hand(spec: PoolSpec, roles: int) -> int | None:
    if spec.connections is not None:
        return spec.connections
    return (spec.size + (spec.reserve or 0)) * roles if spec.size is not None else None


def _pool(
    section: PgbouncerSection,
    name: str,
    database: str,
    spec: PoolSpec,
    by_hand: int | None,
    share: int,
    roles: int,
    own_limit: int,
) -> Pool:
    """One role alone gets all of a database's share; where there are several, each may take half of it."""
    limit = by_hand if by_hand is not None else share
    reason = "set in the manifest" if by_hand is not None else "an equal share of server_connections"
    if spec.connections is None and 0 <= own_limit < limit:
        limit, reason = max(1, own_limit), "the database's own connection limit"
    one = limit if roles == 1 else max(2, limit // 2)
    reserve = spec.reserve if spec.reserve is not None else (0 if spec.size is not None else one // 5)
    size = spec.size if spec.size is not None else max(1, one - reserve)
    return Pool(
        name,
        database,
        size,
        reserve,
        limit,
        spec.min_size or 0,
        spec.mode or section.mode,
        Path(("pgbouncer", "pools", name)),
        reason,
    )


def _caps(section: PgbouncerSection, pools: tuple[Pool, ...], known: Facts) -> list[tuple[str, int, Path]]:
    """Return the limit of each role that has one: PgBouncer lets clients wait where PostgreSQL would refuse the login."""
    found = {}
    for role in known.all(Role):
        if (
            role.login
            and role.purpose == "application"
            and 0 < role.connection_limit < wish(section, role.name, pools)
            and listable(role.name)
        ):
            found[role.name] = (
                role.connection_limit,
                role.origin.paths[0] / "connection_limit" if role.origin.paths else Path(),
            )
    for name, spec in section.users.items():
        if spec.connections is not None:
            found[name] = (spec.connections, Path(("pgbouncer", "users", name, "connections")))
    return [(name, limit, path) for name, (limit, path) in sorted(found.items())]


def wish(section: PgbouncerSection, role: str, pools: tuple[Pool, ...]) -> int:
    """Return how many connections one role may open in all pools, before any limit of its own."""
    spec = section.users.get(role)
    if spec is not None and spec.size is not None:
        return sum(min(spec.size + pool.reserve, pool.limit) for pool in pools)
    return sum(pool.one_role for pool in pools)
