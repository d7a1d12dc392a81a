"""SQL for roles, databases and what is inside them, and the kernel's settings of each host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc.artifact import Artifact, Body
from pgc.cluster import Cluster, Host
from pgc.facts import DatabaseObject, Extension, Grant, Role
from pgc.provenance import Sourced
from pgc.secrets import token
from pgc.templating import Block, sql_name, sql_text
from pgc_postgres import kernel, statements
from pgc_postgres.access import ancestors, slug
from pgc_postgres.catalogue import load
from pgc_postgres.facts import THP_UNIT
from pgc_postgres.settled import Settled, machine

FOLDER = "cluster/postgresql"
CONNECTS = ("pool-auth", "monitor", "backup")
"""Purposes whose roles connect to every database, although nobody granted it."""
KIND_ORDER = ("type", "domain", "sequence", "table", "view", "index", "function", "procedure", "trigger")


def render(cluster: Cluster, hosts: tuple[Host, ...]) -> Iterator[Artifact]:
    """Give the SQL of the cluster and the kernel's settings of its database hosts."""
    if not hosts:
        return
    yield from _sql(cluster)
    yield from _host_files(cluster, hosts)


# ── SQL ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sql(cluster: Cluster) -> Iterator[Artifact]:
    roles = cluster.facts.all(Role)
    if roles:
        yield _file(
            cluster, "10-roles.sql", "10-roles.sql.j2", roles=_roles(cluster, roles), memberships=_memberships(roles)
        )
    with_secret = [
        {"name": Sourced(role.name, role.origin), "token": token(role.secret)} for role in roles if role.secret
    ]
    if with_secret:
        yield _file(cluster, "15-passwords.sql", "15-passwords.sql.j2", mode="0600", roles=with_secret)
    databases = cluster.facts.all(DatabaseObject, "database")
    if databases:
        yield _file(
            cluster,
            "20-databases.sql",
            "20-databases.sql.j2",
            databases=[_database(cluster, each) for each in databases],
        )
    owners = {each.name: each.owner for each in databases}
    for name, content in sorted(_by_database(cluster).items()):
        file = f"30-{slug(name)}.sql"
        yield _file(
            cluster,
            file,
            "30-database.sql.j2",
            database=name,
            file=file,
            connect=statements.connect(name),
            managed=name in owners,
            **_inside(cluster, content, owners.get(name, "")),
        )


def _file(cluster: Cluster, name: str, template: str, mode: str = "0644", **values: Any) -> Artifact:
    body = cluster.template(template, cluster=cluster.name, major=cluster.section.version, **values)
    return Artifact(f"{FOLDER}/{name}", "postgresql.sql", body, consumer="postgresql", mode=mode)


def _roles(cluster: Cluster, roles: tuple[Role, ...]) -> list[dict[str, Any]]:
    catalogue = load(cluster.section.version)
    return [
        {
            "name": Sourced(role.name, role.origin),
            "attributes": Sourced(statements.attributes(role), role.origin),
            "connection_limit": Sourced(role.connection_limit, role.origin),
            "settings": [statements.setting(catalogue, name, value) for name, value in role.settings],
        }
        for role in roles
    ]


def _memberships(roles: tuple[Role, ...]) -> list[tuple[Sourced, Sourced]]:
    return [
        (Sourced(role.name, role.origin), Sourced(group, role.origin)) for role in roles for group in role.member_of
    ]


def _database(cluster: Cluster, database: DatabaseObject) -> dict[str, Any]:
    catalogue, given = load(cluster.section.version), dict(database.attributes)
    origin = database.origin
    grants = [
        (Sourced(", ".join(grant.privileges), grant.origin), Sourced(grant.to, grant.origin))
        for grant in cluster.facts.all(Grant)
        if grant.kind == "database" and grant.database == database.name
    ]
    granted = {grant[1].value for grant in grants}
    grants += [
        (Sourced("CONNECT", role.origin), Sourced(role.name, role.origin))
        for role in cluster.facts.all(Role)
        if role.purpose in CONNECTS and role.login and role.name not in granted
    ]
    return {
        "name": Sourced(database.name, origin),
        "owner": Sourced(database.owner or "postgres", origin),
        "options": statements.creation_options(database, cluster.section.encoding),
        "connection_limit": Sourced(given.get("connection_limit", "-1"), origin),
        "settings": [
            statements.setting(catalogue, name.removeprefix("setting "), value)
            for name, value in database.attributes
            if name.startswith("setting ")
        ],
        "grants": grants,
    }


def _by_database(cluster: Cluster) -> dict[str, list[Any]]:
    """Return what stands inside each database, in the order of keys; a managed database is there even when it is empty."""
    found: dict[str, list[Any]] = {each.name: [] for each in cluster.facts.all(DatabaseObject, "database")}
    for extension in cluster.facts.all(Extension):
        found.setdefault(extension.database, []).append(extension)
    for thing in cluster.facts.all(DatabaseObject):
        if thing.kind != "database":
            found.setdefault(thing.database, []).append(thing)
    for grant in cluster.facts.all(Grant):
        if grant.kind != "database":
            found.setdefault(grant.database, []).append(grant)
    return found


def _inside(cluster: Cluster, content: list[Any], owner: str) -> dict[str, Any]:
    objects = [each for each in content if isinstance(each, DatabaseObject) and each.kind != "schema"]
    schemas = {each.name: each for each in content if isinstance(each, DatabaseObject) and each.kind == "schema"}
    extensions = [each for each in content if isinstance(each, Extension)]
    rows = [_schema(name, fact.owner, fact.origin) for name, fact in schemas.items()]
    rows += [
        _schema(extension.schema, "", extension.origin)
        for extension in {each.schema: each for each in extensions}.values()
        if extension.schema and extension.schema not in schemas and extension.schema not in ("public", "pg_catalog")
    ]
    objects.sort(
        key=lambda each: (KIND_ORDER.index(each.kind) if each.kind in KIND_ORDER else len(KIND_ORDER), each.name)
    )
    return {
        "schemas": rows,
        "extensions": [_extension(each) for each in extensions],
        "objects": [
            {
                "kind": each.kind,
                "name": Sourced(each.name, each.origin),
                "definition": Sourced(Block(each.definition.strip()), each.origin),
            }
            for each in objects
            if each.definition.strip()
        ],
        "grants": [_grant(cluster, each, owner, schemas) for each in content if isinstance(each, Grant)],
    }


def _schema(name: str, owner: str, origin: Any) -> dict[str, Any]:
    authorization = f" AUTHORIZATION {sql_name(owner)}" if owner else ""
    return {
        "name": Sourced(name, origin),
        "owner": Sourced(owner, origin),
        "authorization": authorization,
        "shared": not owner,
    }


def _extension(extension: Extension) -> dict[str, Any]:
    options = f" SCHEMA {sql_name(extension.schema)}" if extension.schema else ""
    options += f" VERSION {sql_text(extension.version).strip()}" if extension.version else ""
    return {"name": Sourced(extension.name, extension.origin), "options": options, "version": extension.version}


def _grant(cluster: Cluster, grant: Grant, owner: str, schemas: dict[str, DatabaseObject]) -> dict[str, Any]:
    owners = {owner, schemas[grant.target].owner if grant.target in schemas else ""} - {""}
    makers = sorted(
        owners
        | {
            name
            for name, role in cluster.section.roles.items()
            if role.login and owners & ancestors(cluster.section, name)
        }
    )
    lines = [Sourced(line, grant.origin) for line in statements.grant_statements(grant, makers)]
    return {"title": statements.title(grant), "statements": lines}


# ── host files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _host_files(cluster: Cluster, hosts: tuple[Host, ...]) -> Iterator[Artifact]:
    section, settled = cluster.section, Settled(cluster)
    demand = settled.demand(section.workload)
    debian, limits, unit = kernel.createcluster(), kernel.limits("postgres"), kernel.huge_pages_unit()
    bodies: dict[Any, Body] = {}
    for host in hosts:
        if section.layout == "debian":
            yield Artifact(
                "etc/postgresql-common/createcluster.conf",
                "pairs",
                debian,
                host=host.name,
                consumer="postgresql-common",
            )
        if not section.tune_kernel:
            continue
        box, memory = machine(cluster, host), settled.memory(host)
        kind = host.disks["data"].kind if "data" in host.disks else "ssd"
        known = cluster.site.given("hosts", host.name, "memory")
        key = (box, memory, kind, known)
        if key not in bodies:
            bodies[key] = kernel.sysctl(section, host, box, memory, demand, known=known)
        yield Artifact(
            "etc/sysctl.d/60-postgresql.conf", "systemd.sysctl", bodies[key], host=host.name, consumer="systemd-sysctl.service"
        )
        yield Artifact(
            "etc/security/limits.d/60-postgresql.conf", "limits", limits, host=host.name, consumer="pam_limits"
        )
        yield Artifact(f"etc/systemd/system/{THP_UNIT}", "systemd.unit", unit, host=host.name, consumer=THP_UNIT)
