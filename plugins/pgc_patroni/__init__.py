"""Patroni, which decides who leads, keeps the others following, and configures PostgreSQL on every host."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.artifact import Artifact, Format
from pgc.cluster import Cluster, Site
from pgc.diagnostics import Finding
from pgc.facts import Certificate, Endpoint, Fact, Facts, HbaRule, HealthCheck, Runbook, ScrapeTarget
from pgc.hookspecs import Description, Role, Validator, hookimpl
from pgc.readers import read_lines, read_yaml
from pgc_patroni import access, checks, codes, facts, procedures, render, validators
from pgc_patroni.section import PatroniSection


@hookimpl
def pgc_describe() -> Description:
    return Description(
        name="patroni",
        summary="High availability of PostgreSQL: leader lock, failover, replication, configuration.",
        section="pgc_patroni.section:PatroniSection",
        objectives=("data_loss",),
        codes=codes.CODES,
        formats=(
            Format("patroni.yml", read_yaml, schema="patroni.yml.schema.json"),
            Format("patroni.dynamic", read_yaml, schema="patroni.dynamic.schema.json"),
            Format("patroni.udev", read_lines),
        ),
        roles=(Role("database", "runs PostgreSQL under Patroni", implied=True),),
        reads=((Certificate, ""), (Endpoint, "pg.sql")),
        writes=((Endpoint, "pg.role-probe"), (HbaRule, ""), (HealthCheck, ""), (Runbook, ""), (ScrapeTarget, "")),
    )


@hookimpl
def pgc_contribute(section: PatroniSection, site: Site) -> Iterable[Fact]:
    return facts.contribute(section, site)


@hookimpl
def pgc_derive(section: PatroniSection, site: Site, facts: Facts) -> Iterable[Fact]:
    yield from access.derive(section, site, facts)
    yield from procedures.derive(section, site, facts)


@hookimpl
def pgc_check(cluster: Cluster) -> Iterable[Finding]:
    return checks.check(cluster)


@hookimpl
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:
    return render.render(cluster)


@hookimpl
def pgc_validators() -> Iterable[Validator]:
    return validators.validators()
