"""HAProxy, which sends each client to the right server: the leader, a replica, a synchronous replica."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.artifact import Artifact, Format
from pgc.cluster import Cluster, Site
from pgc.diagnostics import Finding
from pgc.facts import Certificate, Endpoint, Fact, Facts, HealthCheck, Runbook, ScrapeTarget
from pgc.hookspecs import Description, Role, Validator, hookimpl
from pgc_haproxy import checks, procedures, render, validators
from pgc_haproxy import facts as tells
from pgc_haproxy.reader import read
from pgc_haproxy.section import HaproxySection

LISTENERS = ("pg.read-write", "pg.read-only", "pg.sync-read", "proxy.stats")


@hookimpl
def pgc_describe() -> Description:
    return Description(
        name="haproxy",
        summary="Sends each client to the right server: the leader, a replica, a synchronous replica.",
        section="pgc_haproxy.section:HaproxySection",
        objectives=("connections",),
        codes=checks.CODES,
        formats=(Format("haproxy.cfg", read),),
        roles=(Role("balancer", "a load balancer, and a router of the virtual addresses", implied=True),),
        reads=((Certificate, ""), (Endpoint, "pg.role-probe"), (Endpoint, "pg.pooled"), (Endpoint, "pg.sql")),
        writes=(*((Endpoint, name) for name in LISTENERS), (ScrapeTarget, ""), (HealthCheck, ""), (Runbook, "")),
    )


@hookimpl
def pgc_contribute(section: HaproxySection, site: Site) -> Iterable[Fact]:
    if tells.balancers(site):
        yield from tells.contribute(section, site)


@hookimpl
def pgc_derive(section: HaproxySection, site: Site, facts: Facts) -> Iterable[Fact]:
    yield from tells.derive(section, site, facts)
    yield from procedures.derive(section, site, facts)


@hookimpl
def pgc_check(cluster: Cluster) -> Iterable[Finding]:
    return checks.check(cluster)


@hookimpl
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:
    return render.render(cluster)


@hookimpl
def pgc_validators() -> Iterable[Validator]:
    return validators.VALIDATORS
