"""Roles, databases, privileges and client authentication of the manifest, as facts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import (
    Certificate,
    DatabaseObject,
    Endpoint,
    Extension,
    Fact,
    Facts,
    Grant,
    HbaRule,
    IdentRule,
    Package,
    Preload,
    Role,
    Secret,
)
from pgc.fields import show_duration
from pgc.provenance import Origin
from pgc_postgres.extensions import PRELOADED, THIRD_PARTY
from pgc_postgres.section import DatabaseSpec, GrantSpec, HbaSpec, PostgresSection, RoleSpec

TABLES = {"read-only": ("SELECT",), "read-write": ("DELETE", "INSERT", "SELECT", "UPDATE")}
SEQUENCES = {"read-only": ("SELECT",), "read-write": ("SELECT", "USAGE")}
STATEMENT_TIMEOUT_S = {"oltp": 60, "mixed": 600, "analytics": 0}
ROLES, DATABASES, HBA = (Path(("postgres", part)) for part in ("roles", "databases", "hba"))

LOCAL_ADMIN, FIRST, APPLICATIONS, BY_HAND = 10, 15, 50, 51
"""Places of our own rules: see HbaRule.order."""


def contribute(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Iterator[Fact]:
    """Give everything about access that needs nobody else."""
    for name, role in section.roles.items():
        yield from _role(section, site, name, role)
    for name, database in section.databases.items():
        yield from _database(section, name, database)
    yield from _libraries(section, hosts)
    yield HbaRule(
        connection="local",
        database="all",
        user="postgres",
        method="peer",
        order=LOCAL_ADMIN,
        purpose="superuser",
        origin=Origin((), "the administrator on the host itself"),
    )
    for name, lines in section.ident.items():
        for index, line in enumerate(lines):
            origin = Origin((Path(("postgres", "ident", name, index)),), "set in the manifest")
            yield IdentRule(map=name, system=line.system, role=line.role, order=index, origin=origin)


def slug(name: str) -> str:
    """Return a name as it may stand in a file's name or a token: itself where it is harmless, otherwise with a part of its hash."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
        return name
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower())[:30].strip("-")
    return f"{plain or 'name'}-{hashlib.sha256(name.encode()).hexdigest()[:10]}"


def owner_of(name: str, database: DatabaseSpec) -> str:
    """Return the role that owns a database."""
    return database.owner if database.owner is not None else f"{name}_owner"


# ── roles and databases ──────────────────────────────────────────────────────────────────────────────────────────────


def _role(section: PostgresSection, site: Site, name: str, role: RoleSpec) -> Iterator[Fact]:
    origin = Origin((ROLES / name,), "set in the manifest")
    secret = ""
    if role.login and not role.passwordless:
        secret = f"role-{slug(name)}"
        reference = role.password or site.secret(secret)
        given = ("postgres", "roles", name, "password")
        yield Secret(
            name=secret, reference=reference, used_for=f"password of the role {name}", origin=site.origin(*given)
        )
    settings = {key: _setting(value) for key, value in role.settings.items()}
    if role.login and role.purpose == "application":
        settings = {**_timeouts(section), **settings}
    yield Role(
        name=name,
        purpose=role.purpose,
        login=role.login,
        superuser=role.superuser,
        replication=role.replication,
        createdb=role.createdb,
        createrole=role.createrole,
        connection_limit=role.connection_limit,
        member_of=tuple(sorted(set(role.member_of))),
        secret=secret,
        settings=tuple(sorted(settings.items())),
        origin=origin,
    )


def _timeouts(section: PostgresSection) -> dict[str, str]:
    limits = section.timeouts
    statement = STATEMENT_TIMEOUT_S[section.workload] if limits.statement is None else limits.statement
    wanted = {
        "statement_timeout": statement,
        "lock_timeout": limits.lock,
        "idle_in_transaction_session_timeout": limits.idle_in_transaction,
    }
    return {name: show_duration(value) if value else "0" for name, value in wanted.items()}


def _setting(value: bool | int | float | str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _database(section: PostgresSection, name: str, database: DatabaseSpec) -> Iterator[Fact]:
    at, owner = DATABASES / name, owner_of(name, database)
    origin = Origin((at,), "set in the manifest")
    if database.owner is None and owner not in section.roles:
        yield Role(
            name=owner, purpose="owner", login=False, origin=Origin((at,), "owns the database; nobody logs in as it")
        )
    attributes = {
        "connection_limit": str(database.connection_limit),
        **({"encoding": database.encoding} if database.encoding else {}),
    }
    attributes |= {f"setting {key}": _setting(value) for key, value in database.settings.items()}
    yield DatabaseObject(
        kind="database",
        database=name,
        name=name,
        owner=owner,
        attributes=tuple(sorted(attributes.items())),
        origin=origin,
    )
    for schema, spec in database.schemas.items():
        yield DatabaseObject(
            kind="schema",
            database=name,
            name=schema,
            owner=spec.owner or owner,
            origin=Origin((at / "schemas" / schema,), "set in the manifest"),
        )
    for extension, wish in database.extensions.items():
        yield Extension(
            database=name,
            name=extension,
            schema=wish.schema_ or "",
            version=wish.version or "",
            origin=Origin((at / "extensions" / extension,), "set in the manifest"),
        )
    yield from _grants(name, database, owner, at)


def _grants(name: str, database: DatabaseSpec, owner: str, at: Path) -> Iterator[Grant]:
    schemas = ("public", *(schema for schema in database.schemas if schema != "public"))
    for role, access in database.access.items():
        origin = Origin((at / "access" / role,), f"{access} access")
        yield Grant(
            database=name, kind="database", target=name, privileges=("CONNECT", "TEMPORARY"), to=role, origin=origin
        )
        for schema in schemas:
            yield Grant(database=name, kind="schema", target=schema, privileges=("USAGE",), to=role, origin=origin)
            yield Grant(database=name, kind="tables", target=schema, privileges=TABLES[access], to=role, origin=origin)
            yield Grant(
                database=name, kind="sequences", target=schema, privileges=SEQUENCES[access], to=role, origin=origin
            )
    for index, grant in enumerate(database.grants):
        origin = Origin((at / "grants" / index,), "set in the manifest")
        for target in _targets(name, grant):
            yield Grant(
                database=name,
                kind=grant.on,
                target=target,
                privileges=tuple(sorted(set(grant.privileges))),
                to=grant.to,
                origin=origin,
            )


def _targets(name: str, grant: GrantSpec) -> tuple[str, ...]:
    return (name,) if grant.on == "database" else tuple(dict.fromkeys(grant.schemas))


def _libraries(section: PostgresSection, hosts: tuple[Host, ...]) -> Iterator[Fact]:
    for index, library in enumerate(section.preload):
        yield Preload(
            library=library, order=50, origin=Origin((Path(("postgres", "preload", index)),), "set in the manifest")
        )
    if section.statistics:
        yield Preload(library="pg_stat_statements", order=40, origin=Origin((), "statistics of statements"))
        yield Extension(database="postgres", name="pg_stat_statements", origin=Origin((), "statistics of statements"))
    components: dict[str, Origin] = {}
    for name, database in section.databases.items():
        for extension in database.extensions:
            origin = Origin((DATABASES / name / "extensions" / extension,), f"the extension {extension} needs it")
            if extension in PRELOADED:
                library, order = PRELOADED[extension]
                yield Preload(library=library, order=order, origin=origin)
            if extension in THIRD_PARTY:
                components.setdefault(THIRD_PARTY[extension], origin)
    for component, origin in components.items():
        for host in hosts:
            yield Package(host=host.name, component=component, origin=origin)


# ── client authentication ────────────────────────────────────────────────────────────────────────────────────────────


def derive_hba(section: PostgresSection, site: Site, hosts: tuple[Host, ...], known: Facts) -> Iterator[HbaRule]:
    """Give the rules for applications and those of the manifest: encrypted where every database host has a certificate."""
    encrypted = bool(hosts) and all(known.on(host.name, Certificate) for host in hosts)
    connection = "hostssl" if encrypted else "host"
    by_hand = {rule.key: rule for index, each in enumerate(section.hba) for rule in _by_hand(index, each, connection)}
    yield from by_hand.values()
    for rule in _applications(section, site, known, connection):
        if rule.key not in by_hand:
            yield rule


def _by_hand(index: int, rule: HbaSpec, connection: str) -> Iterator[HbaRule]:
    origin = Origin((HBA / index,), "set in the manifest")
    order = FIRST if rule.first else BY_HAND + index
    options = tuple(sorted(rule.options.items()))
    for database in dict.fromkeys(rule.databases):
        for user in dict.fromkeys(rule.users):
            for address in dict.fromkeys(rule.addresses) or ("",):
                kind = rule.connection or ("local" if not address else connection)
                yield HbaRule(
                    connection=kind,
                    database=database,
                    user=user,
                    address=address,
                    method=rule.method,
                    options=options,
                    order=order,
                    origin=origin,
                )


def _applications(section: PostgresSection, site: Site, known: Facts, connection: str) -> Iterator[HbaRule]:
    """Applications reach PostgreSQL through a pool, which brings its own rules, through a balancer, or from networks that are named."""
    sources = {
        network: Origin((Path(("postgres", "clients", index)),), "set in the manifest")
        for index, network in enumerate(section.clients)
    }
    if not known.all(Endpoint, "pg.pooled"):
        for endpoint in known.all(Endpoint, "pg.read-write"):
            if endpoint.host:
                host = site.host(endpoint.host)
                sources.setdefault(
                    single(host.address),
                    Origin((host.path / "address",), f"{endpoint.host} forwards the applications' connections"),
                )
    for database, user in sorted(_who_connects(section)):
        for address, origin in sources.items():
            yield HbaRule(
                connection=connection,
                database=database,
                user=user,
                address=address,
                method="scram-sha-256",
                order=APPLICATIONS,
                purpose="application",
                origin=origin,
            )


def _who_connects(section: PostgresSection) -> set[tuple[str, str]]:
    """Return (database, role) for the roles that log in and own a database or have privileges in it, themselves or as members."""
    result = set()
    logins = [name for name, role in section.roles.items() if role.login]
    above = {name: ancestors(section, name) for name in logins}
    for name, database in section.databases.items():
        granted = {owner_of(name, database), *database.access, *(grant.to for grant in database.grants)}
        result |= {(name, role) for role in logins if above[role] & granted}
    return result


def ancestors(section: PostgresSection, role: str) -> set[str]:
    """Return a role and every role that it is a member of, directly or not."""
    found, waiting = {role}, [role]
    while waiting:
        spec = section.roles.get(waiting.pop())
        for above in spec.member_of if spec else ():
            if above not in found:
                found.add(above)
                waiting.append(above)
    return found


def single(address: str) -> str:
    """Return the network that holds one address only."""
    return f"{address}/{128 if ':' in address else 32}"
