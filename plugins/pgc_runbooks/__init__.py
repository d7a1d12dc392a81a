"""Runbooks: one page a procedure, assembled from the chapters of all products that know a part of it."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.artifact import Artifact
from pgc.cluster import Cluster, Site
from pgc.diagnostics import Finding
from pgc.facts import Fact, Facts, Runbook, Service
from pgc.hookspecs import Description, hookimpl
from pgc_runbooks import checks, procedures, render
from pgc_runbooks.section import RunbooksSection


@hookimpl
def pgc_describe() -> Description:
    return Description(
        name="runbooks",
        summary="What people do when something breaks: one page a procedure, with this cluster's names, commands and timers.",
        section="pgc_runbooks.section:RunbooksSection",
        codes=checks.CODES,
        reads=((Service, ""),),
        writes=((Runbook, ""),),
    )


@hookimpl
def pgc_contribute(section: RunbooksSection, site: Site) -> Iterable[Fact]:
    return procedures.contribute(site)


@hookimpl
def pgc_derive(facts: Facts) -> Iterable[Fact]:
    return procedures.derive(facts.all(Service))


@hookimpl
def pgc_check(cluster: Cluster) -> Iterable[Finding]:
    return checks.check(cluster)


@hookimpl
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:
    return render.render(cluster)
