"""etcd, the consensus store that holds the leader lock: one member on each DCS host."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.artifact import Artifact, Format
from pgc.bodies import encode_env
from pgc.cluster import Cluster, Site
from pgc.diagnostics import Finding
from pgc.facts import Certificate, Endpoint, Fact, Facts, HealthCheck, Runbook, ScrapeTarget
from pgc.hookspecs import Description, Role, Validator, hookimpl
from pgc.readers import read_env
from pgc_etcd import checks, maintenance, procedures, render, validators
from pgc_etcd import facts as tells
from pgc_etcd.members import members
from pgc_etcd.section import EtcdSection


@hookimpl
def pgc_describe() -> Description:
    return Description(
        name="etcd",
        summary="The consensus store that holds the leader lock and the dynamic configuration.",
        section="pgc_etcd.section:EtcdSection",
        codes=checks.CODES,
        formats=(Format("etcd.env", read_env, encode_secret=encode_env),),
        roles=(Role("dcs", "a member of the consensus store", implied=True),),
        reads=((Certificate, ""),),
        writes=(
            (Endpoint, "dcs.client"),
            (Endpoint, "dcs.peer"),
            (HealthCheck, ""),
            (Runbook, ""),
            (ScrapeTarget, ""),
        ),
    )


@hookimpl
def pgc_contribute(section: EtcdSection, site: Site) -> Iterable[Fact]:
    chosen = members(section, site)
    if chosen:
        yield from tells.contribute(section, site, chosen)


@hookimpl
def pgc_derive(section: EtcdSection, site: Site, facts: Facts) -> Iterable[Fact]:
    chosen = members(section, site)
    if chosen:
        yield from tells.derive(section, chosen, facts)
        yield from procedures.derive(section, chosen, facts)


@hookimpl
def pgc_check(cluster: Cluster) -> Iterable[Finding]:
    return checks.check(cluster, members(cluster.section, cluster.site))


@hookimpl
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:
    chosen = members(cluster.section, cluster.site)
    if chosen:
        yield from render.render(cluster, chosen)
        yield from maintenance.render(cluster, chosen)


@hookimpl
def pgc_validators() -> Iterable[Validator]:
    return validators.VALIDATORS
