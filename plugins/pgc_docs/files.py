"""The page that lists every generated file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pgc.artifact import LOCK_NAME, Artifact, Entry
from pgc.cluster import Cluster

PAGE = "docs/files.md"


def render(cluster: Cluster, entries: tuple[Entry, ...]) -> Iterator[Artifact]:
    """Give the page; it links every file, and itself and the lock file by name."""
    groups = []
    ordered = sorted(entries, key=lambda entry: (not entry.host, entry.host, entry.path))
    for host, found in groupby(ordered, key=lambda entry: entry.host):
        rows = [
            {
                "path": f"../{entry.path}",
                "shown": entry.location,
                "plugin": entry.plugin,
                "format": entry.format,
                "consumer": entry.consumer or "people",
                "owner": entry.owner,
                "mode": entry.mode,
            }
            for entry in found
        ]
        groups.append({"title": f"Host {host}" if host else "The cluster", "rows": rows})
    title = f"{cluster.name}, {cluster.site.environment}" if cluster.site.environment else cluster.name
    yield Artifact(PAGE, "markdown", cluster.template("files.md.j2", title=title, groups=groups, lock=LOCK_NAME))
