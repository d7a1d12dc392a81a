"""PostgreSQL itself: parameters sized from the hosts and the objectives, roles, databases, client authentication, kernel settings."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.artifact import Artifact, Format
from pgc.cluster import Cluster, Site
from pgc.diagnostics import Finding
from pgc.facts import (
    Budget,
    Certificate,
    ConnectionClaim,
    DiskClaim,
    Endpoint,
    Fact,
    Facts,
    HbaRule,
    MemoryClaim,
    Parameter,
)
from pgc.hookspecs import Description, Role, Validator, hookimpl
from pgc.readers import read_lines
from pgc_postgres import capacity, checks, facts, procedures, render, validators
from pgc_postgres.section import PostgresSection
from pgc_postgres.sql_readers import read_pairs, read_sql
from pgc_postgres.statements import encode_secret

ROLE = "database"


@hookimpl
def pgc_describe() -> Description:
    return Description(
        name="postgres",
        summary="PostgreSQL itself: parameters, roles, databases, client authentication, kernel settings.",
        section="pgc_postgres.section:PostgresSection",
        objectives=("connections", "data_size", "wal_rate"),
        codes=checks.CODES,
        formats=(
            Format("postgresql.sql", read_sql, encode_secret=encode_secret),
            Format("pairs", read_pairs),
            Format("limits", read_lines),
        ),
        roles=(Role(ROLE, "runs PostgreSQL", implied=True),),
        reads=(
            (Certificate, ""),
            (ConnectionClaim, ""),
            (Endpoint, "pg.pooled"),
            (Endpoint, "pg.read-write"),
            (MemoryClaim, ""),
            (Parameter, "archive_command"),
            (Parameter, "archive_library"),
        ),
        writes=(
            *((Parameter, name) for name in capacity.DERIVED),
            (Budget, ""),
            (ConnectionClaim, ""),
            (DiskClaim, ""),
            (HbaRule, ""),
            (MemoryClaim, ""),
        ),
    )


@hookimpl
def pgc_contribute(section: PostgresSection, site: Site) -> Iterable[Fact]:
    hosts = site.with_role(ROLE)
    yield from facts.contribute(section, site, hosts)
    yield from procedures.contribute(section, site, hosts)


@hookimpl
def pgc_derive(section: PostgresSection, site: Site, facts: Facts) -> Iterable[Fact]:
    return _derive(section, site, facts)


def _derive(section: PostgresSection, site: Site, known: Facts) -> Iterable[Fact]:
    return facts.derive(section, site, site.with_role(ROLE), known)


@hookimpl
def pgc_check(cluster: Cluster) -> Iterable[Finding]:
    return checks.check(cluster, cluster.site.with_role(ROLE))


@hookimpl
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:
    return render.render(cluster, cluster.site.with_role(ROLE))


@hookimpl
def pgc_validators() -> Iterable[Validator]:
    return validators.VALIDATORS
