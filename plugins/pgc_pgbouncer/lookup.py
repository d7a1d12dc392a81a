"""How PgBouncer learns passwords: the role that asks, and the function in the database that answers."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Site
from pgc.facts import DatabaseObject, Fact, Facts, Grant, Role
from pgc_pgbouncer.pools import EVERY, Plan, since
from pgc_pgbouncer.section import PgbouncerSection

SECRET = "pool-auth"


def databases(section: PgbouncerSection, plan_: Plan) -> tuple[str, ...]:
    """Return where passwords are looked up: in one database from 1.19 on, before in the one that a client connects to.

    A pool for every database then needs the function in template1 too, where new databases come from. Source: PgBouncer, NEWS 1.19.
    """
    if since(section, "1.19"):
        return (section.auth.database,)
    databases = {pool.database for pool in plan_.pools}
    return tuple(sorted(databases - {EVERY} | ({"postgres", "template1"} if EVERY in databases else set())))


def own_role(section: PgbouncerSection, known: Facts) -> Role | None:
    """Return a role of somebody else that has the name of ours, or None."""
    return next(
        (role for role in known.all(Role) if role.name == section.auth.user and role.purpose != "pool-auth"), None
    )


def contribute(section: PgbouncerSection, site: Site, plan_: Plan, known: Facts) -> Iterator[Fact]:
    """Give the role, and the function that tells it the secret of a role that may log in and is neither superuser nor replicator."""
    auth = section.auth
    origin = site.origin("pgbouncer", "auth")
    if own_role(section, known) is None:
        yield Role(name=auth.user, purpose="pool-auth", secret=SECRET, origin=site.origin("pgbouncer", "auth", "user"))
    if auth.query is not None:
        return
    superuser = known.first(Role, "superuser")
    signature = f"{auth.schema_}.{auth.function}(text)"
    for database in databases(section, plan_):
        yield DatabaseObject(
            kind="schema",
            database=database,
            name=auth.schema_,
            owner=superuser.name if superuser else "postgres",
            origin=origin,
        )
        yield DatabaseObject(
            kind="function", database=database, name=signature, definition=definition(section), origin=origin
        )
        yield Grant(
            database=database, kind="schema", target=auth.schema_, privileges=("USAGE",), to=auth.user, origin=origin
        )
        yield Grant(
            database=database, kind="function", target=signature, privileges=("EXECUTE",), to=auth.user, origin=origin
        )


def definition(section: PgbouncerSection) -> str:
    """Return the function as SQL: SECURITY DEFINER with a pinned search_path, every name qualified, an expired password is none.

    Its names are PlainNames, so they need no quotes. Sources: PgBouncer, doc/config.md, "Example of a secure function for auth_query"; NEWS
    1.24.1, CVE-2025-2291 (VALID UNTIL); NEWS 1.25.1, CVE-2025-12819 (unqualified names); PostgreSQL, CREATE FUNCTION, "Writing SECURITY
    DEFINER Functions Safely".
    """
    name = f"{section.auth.schema_}.{section.auth.function}"
    return f"""\
CREATE OR REPLACE FUNCTION {name}(IN login pg_catalog.text, OUT uname pg_catalog.text, OUT phash pg_catalog.text)
    RETURNS SETOF record
    LANGUAGE sql STABLE STRICT SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT a.rolname::pg_catalog.text, CASE WHEN a.rolvaliduntil < pg_catalog.now() THEN NULL ELSE a.rolpassword END
    FROM pg_catalog.pg_authid AS a
    WHERE a.rolname = $1 AND a.rolcanlogin AND NOT a.rolsuper AND NOT a.rolreplication
$function$;
REVOKE ALL ON FUNCTION {name}(pg_catalog.text) FROM PUBLIC;"""


def query(section: PgbouncerSection) -> str:
    """Return the statement by which PgBouncer asks. It must be qualified: a client may set the search_path (CVE-2025-12819)."""
    return section.auth.query or f"SELECT uname, phash FROM {section.auth.schema_}.{section.auth.function}($1)"
