"""The pages on the settled cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pgc import budgets
from pgc.artifact import Artifact
from pgc.cluster import Bound, Cluster
from pgc.facts import (
    ConnectionClaim,
    DiskClaim,
    Endpoint,
    Fact,
    MemoryClaim,
    Package,
    Parameter,
    Preload,
    Secret,
    Service,
)
from pgc.fields import show_duration, show_size
from pgc.provenance import Origin
from pgc.terms import Number
from pgc_docs.topology import topology


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give the pages and the diagram."""
    title = f"{cluster.name}, {cluster.site.environment}" if cluster.site.environment else cluster.name
    pages = {
        "README": {
            "hosts": _hosts(cluster),
            "endpoints": _endpoints(cluster),
            "packages": _packages(cluster),
            "secrets": cluster.facts.all(Secret),
            "objectives": _objectives(cluster),
            "metadata": cluster.site.metadata,
            "introduction": " ".join(cluster.section.introduction.split()),
        },
        "settings": {
            "settled": _settled(cluster),
            "parameters": _parameters(cluster),
            "preloads": cluster.facts.all(Preload),
        },
        "budgets": {"budgets": _budgets(cluster)},
        "failover": {
            "bounds": [_bound(bound) for bound in cluster.bounds if bound.seconds is not None],
            "unbounded": [bound for bound in cluster.bounds if bound.seconds is None],
            "objective": show_duration(cluster.site.objectives.failover),
        },
    }
    for name, values in pages.items():
        yield Artifact(f"docs/{name}.md", "markdown", cluster.template(f"{name}.md.j2", title=title, **values))
    yield Artifact("docs/topology.svg", "svg", cluster.template("topology.svg.j2", title=title, **topology(cluster)))


def why(cluster: Cluster, origin: Origin) -> str:
    """Say in one phrase where a value comes from: its reason, and the manifest paths that asked."""
    paths = ", ".join(f"`{path}`" for path in origin.paths)
    reason = origin.reason or "always so"
    return f"{reason} ({paths})" if paths else reason


def _hosts(cluster: Cluster) -> list[dict[str, Any]]:
    return [
        {
            "name": host.name,
            "address": host.address,
            "datacenter": host.datacenter,
            "zone": host.zone,
            "memory": show_size(host.memory_bytes),
            "cores": host.cores,
            "disks": ", ".join(
                f"{name} {show_size(disk.size)} {disk.kind}" for name, disk in sorted(host.disks.items())
            )
            or "–",
            "services": ", ".join(
                service.unit.removesuffix(".service") for service in cluster.facts.on(host.name, Service)
            ),
        }
        for host in cluster.site.hosts
    ]


def _endpoints(cluster: Cluster) -> list[dict[str, Any]]:
    """Return one row a kind of endpoint, with all places where it listens."""
    rows: dict[tuple[str, str], list[Endpoint]] = {}
    for endpoint in cluster.facts.all(Endpoint):
        rows.setdefault((endpoint.offers, endpoint.scheme), []).append(endpoint)
    return [
        {
            "offers": offers,
            "scheme": scheme,
            "by": found[0].origin.plugin,
            "places": ", ".join(f"`{each.location if each.port else each.address}`" for each in found[:8])
            + (f" and {len(found) - 8} more" if len(found) > 8 else ""),
        }
        for (offers, scheme), found in sorted(rows.items())
    ]


def _packages(cluster: Cluster) -> list[tuple[str, str]]:
    return sorted(
        {(package.component, package.version or "the distribution's") for package in cluster.facts.all(Package)}
    )


def _objectives(cluster: Cluster) -> list[dict[str, str]]:
    objectives = cluster.site.objectives
    rows = []
    for name in type(objectives).model_fields:
        value = getattr(objectives, name)
        if value is not None:
            shown = objectives.model_dump(include={name})[name]
            given = cluster.site.given("objectives", name)
            rows.append(
                {
                    "name": name,
                    "value": str(shown),
                    "from": "the manifest" if given else f"the defaults {cluster.site.defaults}",
                }
            )
    return rows


def _settled(cluster: Cluster) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "value": f"{value.value} {value.unit}".strip(),
            "why": value.reason,
            "paths": ", ".join(f"`{path}`" for path in value.paths),
        }
        for name, value in sorted(cluster.settled.items())
    ]


def _parameters(cluster: Cluster) -> list[dict[str, str]]:
    return [
        {
            "name": each.name,
            "host": each.host or "all",
            "value": str(each.value),
            "why": why(cluster, each.origin),
            "by": each.origin.plugin,
        }
        for each in cluster.facts.all(Parameter)
    ]


UNITS: dict[str, Any] = {"MemoryClaim": show_size, "DiskClaim": show_size}


def _budgets(cluster: Cluster) -> list[dict[str, Any]]:
    return [_budget(cluster, budget, claims) for budget, claims in budgets.all_budgets(cluster.facts)]


def _budget(cluster: Cluster, budget: Any, claims: tuple[tuple[str, Number], ...]) -> dict[str, Any]:
    show = _size if budget.of in UNITS else str
    needed = sum(amount for _, amount in claims)
    return {
        "what": budget.what,
        "limit": show(budget.limit),
        "needed": show(needed),
        "why": why(cluster, budget.origin),
        "share": f"{round(100 * needed / budget.limit)} %" if budget.limit else "–",
        "claims": [
            {"what": what, "amount": show(amount), "why": why(cluster, _claim_origin(cluster, budget, what))}
            for what, amount in claims
        ],
    }


def _claim_origin(cluster: Cluster, budget: Any, what: str) -> Origin:
    kinds: dict[str, type[Fact]] = {
        "MemoryClaim": MemoryClaim,
        "DiskClaim": DiskClaim,
        "ConnectionClaim": ConnectionClaim,
    }
    host = budget.pool.partition("/")[0]
    for claim in cluster.facts.all(kinds[budget.of]):
        if getattr(claim, "what", "") == what and getattr(claim, "host", host) == host:
            return claim.origin
    return Origin()


def _size(size: Number) -> str:
    """Write bytes for people: to three digits."""
    for unit, factor in (("TB", 1024**4), ("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size / factor < 1000 else f"{round(size / factor)} {unit}"
    return f"{size} B"


def _bound(bound: Bound) -> dict[str, Any]:
    return {
        "fault": bound.fault,
        "seconds": show_duration(bound.seconds or 0),
        "stretches": [
            {
                "what": part.what,
                "formula": part.formula,
                "seconds": show_duration(part.seconds),
                "lane": part.lane,
                "by": part.plugin,
                "counts": "counts" if part.counts else "meanwhile",
                "why": part.why,
            }
            for part in bound.stretches
        ],
    }
