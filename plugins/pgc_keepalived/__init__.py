"""keepalived, which keeps a virtual address on a balancer that works."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.artifact import Artifact, Format
from pgc.cluster import Cluster, Site
from pgc.diagnostics import Finding
from pgc.facts import Fact
from pgc.hookspecs import Description, Role, Validator, hookimpl
from pgc.readers import read_lines
from pgc_keepalived import checks, facts, procedures, render, validators
from pgc_keepalived.codes import CODES
from pgc_keepalived.reader import read
from pgc_keepalived.section import KeepalivedSection


@hookimpl
def pgc_describe() -> Description:
    return Description(
        name="keepalived",
        summary="Keeps a virtual address on a balancer that works.",
        section="pgc_keepalived.section:KeepalivedSection",
        codes=CODES,
        formats=(
            Format("keepalived.conf", read),
            Format("keepalived.script", read_lines),
        ),
        roles=(Role("balancer", "a load balancer, and a router of the virtual addresses", implied=True),),
    )


@hookimpl
def pgc_contribute(section: KeepalivedSection, site: Site) -> Iterable[Fact]:
    if section.vips:
        yield from facts.contribute(section, site)
        yield from procedures.contribute(section, site)


@hookimpl
def pgc_check(cluster: Cluster) -> Iterable[Finding]:
    return checks.check(cluster)


@hookimpl
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:
    return render.render(cluster)


@hookimpl
def pgc_validators() -> Iterable[Validator]:
    return validators.VALIDATORS
