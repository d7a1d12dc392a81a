"""PgBouncer, which lets many clients share few connections: one on each database host, in front of the PostgreSQL there."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.artifact import Artifact, Format
from pgc.cluster import Cluster, Site
from pgc.diagnostics import Finding
from pgc.facts import (
    Certificate,
    ConnectionClaim,
    DatabaseObject,
    Endpoint,
    Fact,
    Facts,
    Grant,
    HbaRule,
    MemoryClaim,
    Role,
    Runbook,
)
from pgc.hookspecs import Description, Validator, hookimpl
from pgc.readers import read_ini
from pgc_pgbouncer import checks, facts, render, validators
from pgc_pgbouncer.codes import CODES
from pgc_pgbouncer.reader import encode_password, read_userlist
from pgc_pgbouncer.section import PgbouncerSection


@hookimpl
def pgc_describe() -> Description:
    return Description(
        name="pgbouncer",
        summary="Lets many clients share few connections to PostgreSQL.",
        section="pgc_pgbouncer.section:PgbouncerSection",
        objectives=("connections",),
        codes=CODES,
        formats=(
            Format("pgbouncer.ini", read_ini),
            Format("pgbouncer.userlist", read_userlist, encode_secret=encode_password),
        ),
        reads=((Certificate, ""), (DatabaseObject, "database"), (Role, ""), (Endpoint, "pg.sql")),
        writes=(
            (Endpoint, "pg.pooled"),
            (ConnectionClaim, "client"),
            (MemoryClaim, ""),
            (HbaRule, ""),
            (Role, "pool-auth"),
            (DatabaseObject, "schema"),
            (DatabaseObject, "function"),
            (Grant, ""),
            (Runbook, ""),
        ),
    )


@hookimpl
def pgc_contribute(section: PgbouncerSection, site: Site) -> Iterable[Fact]:
    return facts.contribute(section, site)


@hookimpl
def pgc_derive(section: PgbouncerSection, site: Site, facts: Facts) -> Iterable[Fact]:
    from pgc_pgbouncer.facts import derive

    return derive(section, site, facts)


@hookimpl
def pgc_check(cluster: Cluster) -> Iterable[Finding]:
    return checks.check(cluster)


@hookimpl
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:
    return render.render(cluster)


@hookimpl
def pgc_validators() -> Iterable[Validator]:
    return validators.VALIDATORS
