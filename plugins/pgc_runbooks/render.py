"""One page a procedure, and the page that lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc.artifact import Artifact
from pgc.cluster import Bound, Cluster
from pgc.facts import HealthCheck, Runbook
from pgc.fields import show_duration
from pgc_runbooks.procedures import BY_SLUG


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give the pages of all procedures that have a chapter."""
    runbooks = [runbook for runbook in cluster.facts.all(Runbook) if runbook.chapters]
    common = {
        "name": cluster.name,
        "title_of_cluster": _title(cluster),
        "contact": _contact(cluster),
        "chat": cluster.section.chat,
    }
    for runbook in runbooks:
        body = cluster.template(
            "procedure.md.j2", runbook=runbook, bounds=_bounds(cluster, runbook), hosts=_hosts(cluster), **common
        )
        yield Artifact(f"runbooks/{runbook.slug}.md", "markdown", body)
    checks = cluster.facts.all(HealthCheck)
    yield Artifact(
        "runbooks/README.md", "markdown", cluster.template("index.md.j2", runbooks=runbooks, checks=checks, **common)
    )


def _title(cluster: Cluster) -> str:
    return f"{cluster.name}, {cluster.site.environment}" if cluster.site.environment else cluster.name


def _contact(cluster: Cluster) -> str:
    return str(cluster.section.contact or cluster.site.metadata.owner)


def _hosts(cluster: Cluster) -> list[dict[str, Any]]:
    return [
        {
            "name": host.name,
            "address": host.address,
            "zone": host.zone,
            "datacenter": host.datacenter,
            "roles": ", ".join(sorted(host.roles)),
        }
        for host in cluster.site.hosts
    ]


def _bounds(cluster: Cluster, runbook: Runbook) -> list[dict[str, Any]]:
    """Return the bounds that belong to a procedure, as rows of a table."""
    procedure = BY_SLUG.get(runbook.slug)
    wanted = procedure.faults if procedure else ()
    by_fault = {bound.fault: bound for bound in cluster.bounds}
    return [_row(by_fault[fault]) for fault in wanted if fault in by_fault]


def _row(bound: Bound) -> dict[str, Any]:
    return {
        "fault": bound.fault,
        "seconds": show_duration(bound.seconds) if bound.seconds is not None else "not bounded",
        "terms": " + ".join(f"{show_duration(part.seconds)} {part.what}" for part in bound.stretches if part.counts)
        or bound.unbounded,
    }
