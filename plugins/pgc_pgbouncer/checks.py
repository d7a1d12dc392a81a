"""What a specialist would object to in a pooler.

That the pools fit into max_connections is proved by the core, from our ConnectionClaims.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from pgc.cluster import Cluster
from pgc.diagnostics import Finding, Path
from pgc.facts import DatabaseObject, Role
from pgc.terms import tidy
from pgc_pgbouncer import codes
from pgc_pgbouncer.lookup import own_role
from pgc_pgbouncer.pools import EVERY, Plan, client_limit, hosts, listable, plan, since, wish
from pgc_pgbouncer.service import descriptors

AT = Path(("pgbouncer",))
CONNECTIONS = Path(("objectives", "connections"))
NR_OPEN = 1_048_576
ALWAYS_THERE = ("postgres", "template1")

_CALLED = re.compile(
    r"\b(?:from|join|into|update)\s+(?:lateral\s+|only\s+)?((?:[a-z_][\w$]*|\"[^\"]+\")(?:\s*\.\s*(?:[a-z_][\w$]*|\"[^\"]+\"))?)",
    re.IGNORECASE,
)
_RAW_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every objection."""
    if not hosts(cluster.section, cluster.site):
        return
    plan_ = plan(cluster.section, cluster.site, cluster.facts)
    yield from _names(cluster)
    yield from _sizes(cluster, plan_)
    yield from _clients(cluster, plan_)
    yield from _prepared(cluster, plan_)
    yield from _versions(cluster)
    yield from _authentication(cluster)
    yield from _raw(cluster)


def _near(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def _names(cluster: Cluster) -> Iterator[Finding]:
    section = cluster.section
    databases = {fact.name: fact for fact in cluster.facts.all(DatabaseObject, "database")}
    led_to = {spec.database or name for name, spec in section.pools.items()}
    for name, spec in section.pools.items():
        database, at = spec.database or name, AT / "pools" / name
        if name == "pgbouncer":
            yield codes.PGB014.at(at)
        elif databases and database not in databases and database not in ALWAYS_THERE:
            yield codes.PGB001.at(
                at / "database" if spec.database else at, name=name, database=database, near=_near(database, databases)
            )
    for name, fact in databases.items():
        if name == "pgbouncer" and name not in section.pools and name not in led_to:
            yield codes.PGB014.at(*fact.origin.paths[:1])
        elif not listable(name) and name not in led_to and not section.wildcard:
            yield codes.PGB013.at(*fact.origin.paths[:1], name=name)
    roles = [role.name for role in cluster.facts.all(Role) if role.login]
    for name in section.users:
        if name not in roles:
            yield codes.PGB015.at(AT / "users" / name, role=name, near=_near(name, roles))


def _sizes(cluster: Cluster, plan_: Plan) -> Iterator[Finding]:
    section = cluster.section
    limits = {
        fact.name: int(dict(fact.attributes).get("connection_limit", -1))
        for fact in cluster.facts.all(DatabaseObject, "database")
    }
    for pool in plan_.pools:
        limit = limits.get(pool.database, -1)
        if 0 <= limit < pool.limit:
            yield codes.PGB003.at(pool.path, name=pool.name, database=pool.database, wish=pool.limit, limit=limit)
        if pool.size > pool.limit:
            yield codes.PGB018.at(
                pool.path / "size", pool.path / "connections", name=pool.name, size=pool.size, limit=pool.limit
            )
        if pool.name == EVERY:
            yield codes.PGB017.at(AT / "wildcard" if section.wildcard else Path(("postgres",)), limit=pool.limit)
    caps = {name: (limit, path) for name, limit, path in plan_.caps}
    for role in cluster.facts.all(Role):
        if not role.login or role.purpose != "application" or role.connection_limit < 0:
            continue
        cap, path = caps.get(role.name, (None, Path()))
        wanted = wish(section, role.name, plan_.pools)
        opened = wanted if cap is None else min(wanted, cap)
        if opened > role.connection_limit:
            places = (path, *role.origin.paths[:1]) if path else role.origin.paths[:1]
            yield codes.PGB002.at(*places, role=role.name, wish=opened, limit=role.connection_limit)


def _clients(cluster: Cluster, plan_: Plan) -> Iterator[Finding]:
    section, objectives = cluster.section, cluster.site.objectives
    clients, at = client_limit(section, cluster.site), AT / "max_client_connections"
    if clients < objectives.connections:
        yield codes.PGB004.at(at, CONNECTIONS, given=clients, wanted=objectives.connections)
    needed = descriptors(clients, plan_, len(hosts(section, cluster.site)))
    if needed > NR_OPEN:
        yield codes.PGB005.at(
            at if section.max_client_connections else CONNECTIONS,
            needed=needed,
            most=NR_OPEN,
            room=clients - (needed - NR_OPEN),
        )
    if section.mode == "session":
        room = sum(pool.limit for pool in plan_.pools if pool.mode == "session")
        if room < objectives.connections:
            yield codes.PGB009.at(AT / "mode", CONNECTIONS, room=room, wanted=objectives.connections)
    wait = section.query_wait_timeout
    if wait is not None and 0 < wait < objectives.failover:
        yield codes.PGB010.at(
            AT / "query_wait_timeout",
            Path(("objectives", "failover")),
            given=tidy(wait),
            objective=tidy(objectives.failover),
        )


def _prepared(cluster: Cluster, plan_: Plan) -> Iterator[Finding]:
    section = cluster.section
    shared = next((pool.mode for pool in plan_.pools if pool.mode != "session"), "")
    if not shared:
        return
    if not since(section, "1.21"):
        yield codes.PGB007.at(AT / "version", version=section.version, mode=shared)
    elif section.max_prepared_statements == 0:
        yield codes.PGB006.at(AT / "max_prepared_statements", mode=shared)


def _versions(cluster: Cluster) -> Iterator[Finding]:
    section = cluster.section
    if section.max_prepared_statements is not None and not since(section, "1.21"):
        yield codes.PGB008.at(
            AT / "max_prepared_statements",
            AT / "version",
            setting="max_prepared_statements",
            since="1.21",
            version=section.version,
        )
    for name, spec in section.users.items():
        if spec.size is not None and not since(section, "1.23"):
            yield codes.PGB008.at(
                AT / "users" / name / "size",
                AT / "version",
                setting="size of a role",
                since="1.23",
                version=section.version,
            )


def _authentication(cluster: Cluster) -> Iterator[Finding]:
    auth, at = cluster.section.auth, AT / "auth"
    taken = own_role(cluster.section, cluster.facts)
    if taken is not None:
        rights = " and a superuser" if taken.superuser else " and replicates" if taken.replication else ""
        yield codes.PGB011.at(at / "user", *taken.origin.paths[:1], role=auth.user, rights=rights)
    for found in _CALLED.finditer(auth.query or ""):
        if "." not in found[1]:
            yield codes.PGB012.at(at / "query", name=found[1], user=auth.user)


def _raw(cluster: Cluster) -> Iterator[Finding]:
    for key, value in cluster.section.raw.items():
        if not _RAW_KEY.match(str(key)) or not isinstance(value, str | int | float | bool):
            yield codes.PGB016.at(AT / "raw" / key, key=key)
