"""The page that lists every generated file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pgc.artifact import LOCK_NAME, Artifact, Entry
from pgc.bodies import Plain
from pgc.cluster import Cluster
from pgc.markdown import escaped, table

PAGE = "docs/files.md"


def render(cluster: Cluster, entries: tuple[Entry, ...]) -> Iterator[Artifact]:
    """Give the page; it links every file, and itself and the lock file by name."""
    lines = [f"# All files of {escaped(_title(cluster))}", ""]
    lines += [f"[Inventory](README.md). Listed with their SHA-256 in [{LOCK_NAME}](../{LOCK_NAME}).", ""]
    ordered = sorted(entries, key=lambda entry: (bool(entry.host), entry.host, entry.path))
    for host, found in groupby(ordered, key=lambda entry: entry.host):
        rows = [
            (f"[{each.location}](../{each.path})", each.consumer or "people", each.owner, each.mode, each.plugin)
            for each in found
        ]
        lines += [f"## Host {host}" if host else "## The cluster", ""]
        lines += table(("file", "read by", "owner", "mode", "plugin"), rows).split("\n")
        lines.append("")
    yield Artifact(PAGE, "markdown", Plain(tuple(lines)))


def _title(cluster: Cluster) -> str:
    return f"{cluster.name}, {cluster.site.environment}" if cluster.site.environment else cluster.name
