"""Roles, databases and privileges of the manifest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from pgc.cluster import Cluster
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.facts import Role
from pgc_postgres.access import DATABASES, ROLES, owner_of
from pgc_postgres.catalogue import ValueRefused, load, nearest, parse_value
from pgc_postgres.settled import Settled

PGS030 = Code(
    "PGS030",
    "owner-name-too-long",
    Severity.ERROR,
    what="the owner of the database {database} would be called {name}, which has {bytes} bytes; PostgreSQL keeps 63",
    why="it would be cut off, and grants for the whole name would be for nobody",
    help="name a role as its owner",
    example="postgres:\n  databases: {a_name_of_fifty_eight_bytes_that_leaves_no_room_for_its_owner: {}}",
)
PGS031 = Code(
    "PGS031",
    "reserved-name",
    Severity.ERROR,
    what="{name} cannot be the name of a {kind}: {problem}",
    why="PostgreSQL refuses it, or rules of client authentication would read it as a keyword",
    help="choose another name",
    example="postgres:\n  roles: {pg_app: {}}",
)
PGS032 = Code(
    "PGS032",
    "unknown-role",
    Severity.ERROR,
    what="{what} names the role {name}, which nobody declares{hint}",
    why="the SQL would fail there, and everything behind it would not be applied",
    help="declare it under postgres.roles, or correct the name",
    example="postgres:\n  databases: {orders: {owner: nobody_known}}",
)
PGS033 = Code(
    "PGS033",
    "membership-cycle",
    Severity.ERROR,
    what="the role {name} is a member of itself, through {chain}",
    why="PostgreSQL refuses the last of these memberships",
    help="take one of them out",
    example="postgres:\n  roles: {a: {member_of: [b]}, b: {member_of: [a]}}",
)
PGS037 = Code(
    "PGS037",
    "connection-limits-beyond-the-server",
    Severity.WARNING,
    what="{what}, but the server has room for {room}",
    why="the limits do not protect the roles from each other: one can take what another counts on",
    help="lower the limits, or raise max_connections",
    example="objectives: {connections: 100}\npostgres:\n  roles: {app: {connection_limit: 5000}}",
)
PGS038 = Code(
    "PGS038",
    "superuser-by-hand",
    Severity.WARNING,
    what="the role {name} is a superuser that logs in",
    why="no privilege, no row policy and no audit rule holds for it; the HA layer has a superuser of "
    "its own for what needs one",
    help="use a role that owns the database, or member_of: [pg_monitor, pg_read_all_data, …]",
    example="postgres:\n  roles: {boss: {superuser: true}}",
)
PGS039 = Code(
    "PGS039",
    "unknown-schema",
    Severity.ERROR,
    what="the grant names the schema {name}, which the database {database} does not have{hint}",
    why="the SQL would fail there",
    help="declare it under the database's schemas",
    example="postgres:\n  databases: {orders: {grants: [{to: app, on: tables, schemas: [ap], privileges: [SELECT]}]}}",
)
PGS040 = Code(
    "PGS040",
    "privilege-does-not-fit",
    Severity.ERROR,
    what="{privilege} is no privilege on {kind}{since}",
    why="the SQL would fail there",
    help="use {known}",
    example="postgres:\n  databases: {orders: {grants: [{to: app, on: database, privileges: [SELECT]}]}}",
)
PGS041 = Code(
    "PGS041",
    "setting-refused",
    Severity.ERROR,
    what="{owner}: {fault}",
    why="the SQL would fail there, or the sessions would start without it",
    help="{hint}",
    example="postgres:\n  roles: {app: {settings: {shared_buffers: 1GB}}}",
)
PGS042 = Code(
    "PGS042",
    "locale-does-not-fit",
    Severity.ERROR,
    what="{problem}",
    why="initdb refuses it, and the cluster is not initialised",
    help="{remedy}",
    example="postgres:\n  version: 15\n  locale: {provider: builtin}",
)
CODES = (PGS030, PGS031, PGS032, PGS033, PGS037, PGS038, PGS039, PGS040, PGS041, PGS042)

NAME_BYTES = 63
HBA_WORDS = frozenset({"all", "sameuser", "samerole", "samegroup", "replication"})
PRIVILEGES = {
    "database": ("ALL", "CONNECT", "CREATE", "TEMPORARY"),
    "schema": ("ALL", "CREATE", "USAGE"),
    "tables": ("ALL", "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"),
    "sequences": ("ALL", "SELECT", "UPDATE", "USAGE"),
}
KINDS = {"database": "a database", "schema": "a schema", "tables": "tables", "sequences": "sequences"}
BY_SESSION = frozenset({"user", "superuser"})  # `backend` ones are read before a role's settings are


def check(cluster: Cluster, settled: Settled) -> Iterator[Finding]:
    """Yield every objection to roles, databases and extensions."""
    yield from _names(cluster)
    yield from _role_names(cluster)
    yield from _cycles(cluster)
    yield from _grants(cluster)
    yield from _limits(cluster, settled)
    yield from _settings(cluster)
    yield from _locale(cluster)
    for name, role in cluster.section.roles.items():
        if role.superuser and role.login:
            yield PGS038.at(ROLES / name, name=name)


def _hint(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _names(cluster: Cluster) -> Iterator[Finding]:
    section = cluster.section
    for name in section.roles:
        yield from _name(name, "role", ROLES / name)
    for name, database in section.databases.items():
        at = DATABASES / name
        yield from _name(name, "database", at)
        for schema in database.schemas:
            yield from _name(schema, "schema", at / "schemas" / schema)
        owner = owner_of(name, database)
        if database.owner is None and len(owner.encode()) > NAME_BYTES:
            yield PGS030.at(at, database=name, name=owner, bytes=len(owner.encode()))


def _name(name: str, kind: str, at: Path) -> Iterator[Finding]:
    problem = ""
    if kind in ("role", "schema") and name.startswith("pg_"):
        problem = "names that start with pg_ are PostgreSQL's own"
    elif kind == "role" and name in ("public", "none", "current_user", "session_user", "current_role"):
        problem = "it is a keyword"
    elif kind != "schema" and (name in HBA_WORDS or (kind == "role" and name == "all")):
        problem = "rules of client authentication read it as a keyword"
    elif kind != "schema" and name[:1] in ("+", "/", "@"):
        problem = "rules of client authentication read its first character as an operator"
    elif kind == "database" and name in ("template0", "template1", "postgres"):
        problem = "PostgreSQL makes it itself"
    elif kind == "schema" and name == "information_schema":
        problem = "it is PostgreSQL's own"
    if problem:
        yield PGS031.at(at, name=name, kind=kind, problem=problem)


def _role_names(cluster: Cluster) -> Iterator[Finding]:
    known = {role.name for role in cluster.facts.all(Role)}
    for at, what, name in _named_roles(cluster):
        if name not in known and not (name.startswith("pg_") and what == "member_of"):
            yield PGS032.at(at, what=what, name=name, hint=_hint(name, known))


def _named_roles(cluster: Cluster) -> Iterator[tuple[Path, str, str]]:
    for name, role in cluster.section.roles.items():
        for index, group in enumerate(role.member_of):
            yield ROLES / name / "member_of" / index, "member_of", group
    for name, database in cluster.section.databases.items():
        at = DATABASES / name
        if database.owner is not None:
            yield at / "owner", "owner", database.owner
        for schema, spec in database.schemas.items():
            if spec.owner is not None:
                yield at / "schemas" / schema / "owner", "owner", spec.owner
        for role in database.access:
            yield at / "access" / role, "access", role
        for index, grant in enumerate(database.grants):
            yield at / "grants" / index / "to", "the grant", grant.to


def _cycles(cluster: Cluster) -> Iterator[Finding]:
    """Yield one finding a cycle of memberships: each role is entered once, so the work grows with the memberships."""
    roles = cluster.section.roles
    finished: set[str] = set()
    for start in roles:
        trail: list[str] = []
        waiting: list[Iterator[str]] = [iter((start,))]
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
                if trail:
                    finished.add(trail.pop())
            elif name in trail:
                chain = trail[trail.index(name) :]
                yield PGS033.at(ROLES / name / "member_of", name=name, chain=" → ".join((*chain[1:], name)))
            elif name in roles and name not in finished:
                trail.append(name)
                waiting.append(iter(roles[name].member_of))


# ── privileges, limits, settings ─────────────────────────────────────────────────────────────────────────────────────


def _grants(cluster: Cluster) -> Iterator[Finding]:
    major = cluster.section.version
    for name, database in cluster.section.databases.items():
        for index, grant in enumerate(database.grants):
            at = DATABASES / name / "grants" / index
            known = tuple(each for each in PRIVILEGES[grant.on] if each != "MAINTAIN" or major >= 17)
            for number, privilege in enumerate(grant.privileges):
                if privilege not in known:
                    since = " before PostgreSQL 17" if privilege == "MAINTAIN" and grant.on == "tables" else ""
                    yield PGS040.at(
                        at / "privileges" / number,
                        privilege=privilege,
                        kind=KINDS[grant.on],
                        since=since,
                        known=", ".join(known),
                    )
            schemas = {*database.schemas, "public"}
            for number, schema in enumerate(grant.schemas if grant.on != "database" else ()):
                if schema not in schemas:
                    yield PGS039.at(at / "schemas" / number, name=schema, database=name, hint=_hint(schema, schemas))


def _limits(cluster: Cluster, settled: Settled) -> Iterator[Finding]:
    room = (
        settled.number("max_connections")
        - settled.number("superuser_reserved_connections")
        - settled.number("reserved_connections")
    )
    limited = {
        name: role.connection_limit
        for name, role in cluster.section.roles.items()
        if role.login and role.connection_limit > 0
    }
    if sum(limited.values()) > room:
        places = tuple(ROLES / name / "connection_limit" for name in limited)
        shown = " + ".join(f"{limit} for {name}" for name, limit in list(limited.items())[:8]) + (
            " + …" if len(limited) > 8 else ""
        )
        yield PGS037.at(*places, what=f"the roles may hold {sum(limited.values())} connections ({shown})", room=room)
    for name, database in cluster.section.databases.items():
        if database.connection_limit > room:
            yield PGS037.at(
                DATABASES / name / "connection_limit",
                what=f"the database {name} may have {database.connection_limit} connections",
                room=room,
            )


def _settings(cluster: Cluster) -> Iterator[Finding]:
    for name, role in cluster.section.roles.items():
        for key, value in role.settings.items():
            yield from _setting(cluster, f"the role {name}", ROLES / name / "settings" / key, key, value)
    for name, database in cluster.section.databases.items():
        for key, value in database.settings.items():
            yield from _setting(cluster, f"the database {name}", DATABASES / name / "settings" / key, key, value)


def _setting(cluster: Cluster, owner: str, at: Path, name: str, value: Any) -> Iterator[Finding]:
    catalogue = load(cluster.section.version)
    spec = catalogue.find(name)
    if spec is None:
        if "." not in name:
            near = nearest(name, catalogue)
            yield PGS041.at(
                at,
                owner=owner,
                fault=f"{name} is no parameter of PostgreSQL {catalogue.major}",
                hint=f"did you mean {' or '.join(near)}?" if near else "remove it",
            )
        return
    if spec.context not in BY_SESSION:
        yield PGS041.at(
            at, owner=owner, fault=f"{spec.name} holds for the whole server", hint="set it under postgres.parameters"
        )
        return
    try:
        parse_value(spec, value)
    except ValueRefused as refused:
        yield PGS041.at(at, owner=owner, fault=str(refused), hint=refused.help or "write a value that it takes")


def _locale(cluster: Cluster) -> Iterator[Finding]:
    section, at = cluster.section, Path(("postgres", "locale"))
    provider, name = section.locale.provider, section.locale.name
    if provider == "builtin" and section.version < 17:
        yield PGS042.at(
            at / "provider",
            problem=f"PostgreSQL {section.version} has no builtin locale provider",
            remedy="use libc with C.UTF-8, or version 17",
        )
    builtin = provider == "builtin" or (provider is None and section.version >= 17)
    known = ("C", "C.UTF-8", *(("PG_UNICODE_FAST",) if section.version >= 18 else ()))
    if builtin and name is not None and name not in known:
        yield PGS042.at(
            at / "name",
            problem=f"{name} is no locale of the builtin provider",
            remedy=f"use {', '.join(known)}, or another provider",
        )
    if builtin and section.encoding != "UTF8" and name != "C":
        yield PGS042.at(
            Path(("postgres", "encoding")),
            at,
            problem=f"the locale {name or 'C.UTF-8'} needs the encoding UTF8, not {section.encoding}",
            remedy="use UTF8, or the locale C",
        )
    if provider == "icu" and section.encoding == "SQL_ASCII":
        yield PGS042.at(
            Path(("postgres", "encoding")), at, problem="ICU does not know the encoding SQL_ASCII", remedy="use UTF8"
        )
