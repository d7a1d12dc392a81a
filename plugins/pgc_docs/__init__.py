"""Documentation of a cluster: inventory and topology, derived settings with their reasons, budgets, failover arithmetic, files."""

from __future__ import annotations

from collections.abc import Iterable

from pgc.artifact import Artifact, Entry
from pgc.cluster import Cluster
from pgc.hookspecs import Description, hookimpl
from pgc_docs import files, pages


@hookimpl
def pgc_describe() -> Description:
    return Description(
        name="docs",
        summary="Inventory with a topology diagram, derived settings with their reasons, budgets, failover arithmetic.",
        section="pgc_docs.section:DocsSection",
    )


@hookimpl
def pgc_render(cluster: Cluster) -> Iterable[Artifact]:
    return pages.render(cluster)


@hookimpl
def pgc_index(cluster: Cluster, entries: tuple[Entry, ...]) -> Iterable[Artifact]:
    return files.render(cluster, entries)
