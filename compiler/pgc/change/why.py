"""Which manifest lines a change comes from, found by compiling the changed clusters again with the changed files traced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from pgc import pipeline, workspace
from pgc.artifact import Lines
from pgc.change.changes import Change, Kind, Scope, Snapshot, Why
from pgc.cluster import Cluster
from pgc.diagnostics import Path, path
from pgc.facts import Package
from pgc.pipeline import Compilation
from pgc.provenance import Origin
from pgc.registry import Registry
from pgc.source import MAX_BYTES, Source
from pgc.templating import Templates
from pgc.workspace import Job

MOST_PLACES = 3
EXPLAINED = (Scope.CLUSTER, Scope.HOST, Scope.SUMMARY, Scope.SETTING)


def manifest_lines(
    after: Mapping[str, Snapshot],
    paths: Sequence[str],
    registry: Registry,
    templates: Templates,
) -> Why:
    """Return the function that says of a change "orders.yaml:14 objectives.failover".

    Where no line decides the new value it gives the reason for it, and None where nothing is known: of what is gone, of a
    manifest that no longer compiles, of a file on disk that is not what its manifest makes now. The comparison itself does
    not depend on any of it.
    """
    compilations = _Compilations(paths, registry, templates)
    traces: dict[tuple[str, str], Lines] = {}

    def why(change: Change) -> str | None:
        if change.scope not in EXPLAINED or change.kind is Kind.REMOVED:
            return None
        compilation = compilations.get(change.directory)
        if compilation is None or compilation.cluster is None:
            return None
        source = compilation.cluster.site.source
        if change.scope is not Scope.SETTING:
            return _told(_of_the_whole(change, compilation.cluster), source)
        key = change.directory, change.path
        if key not in traces:
            traces[key] = _trace(compilation, after.get(change.directory), change.path)
        lines = traces[key]
        return _told(lines[change.new_line - 1] if 0 < change.new_line <= len(lines) else (), source)

    return why


def _trace(compilation: Compilation, snapshot: Snapshot | None, file: str) -> Lines:
    """Return the origins of a file's lines, or none where the file that was compared is another one."""
    made = compilation.bundle.files.get(file) if compilation.bundle else None
    there = snapshot.lock.entries.get(file) if snapshot else None
    if made is None or there is None or made.entry.sha256 != there.sha256:
        return ()
    return pipeline.trace(compilation, file)[1]


def _of_the_whole(change: Change, cluster: Cluster) -> Iterator[Origin]:
    """Yield where a cluster, a host, or what the lock file's summary says of them comes from."""
    part, _, rest = change.setting.partition(" ")
    if change.scope is Scope.CLUSTER:
        yield Origin((path("metadata", "name"),))
    elif change.scope is Scope.HOST:
        yield Origin(tuple(path("hosts", host) for host in change.hosts))
    elif part == "settled" and rest in cluster.settled:
        settled = cluster.settled[rest]
        yield Origin(settled.paths, settled.reason)
    elif part == "host":
        host, _, what = rest.partition(" ")
        yield Origin((path("hosts", host, what), path("hosts", host)))
    elif part == "version":
        component = rest.removeprefix("of ")
        yield from (each.origin for each in cluster.facts.all(Package) if each.component == component)
    elif part == "defaults":
        yield Origin((path("defaults"),))


class _Compilations:
    """The clusters' manifests compiled again, each only when it is first asked for: a view shows equal changes once."""

    def __init__(self, paths: Sequence[str], registry: Registry, templates: Templates) -> None:
        self.paths, self.registry, self.templates = paths, registry, templates
        self.found: dict[str, Compilation] = {}

    def get(self, directory: str) -> Compilation | None:
        """Return the compilation that makes a tree, or None where no manifest compiles to it."""
        if directory not in self.found:
            for file in self.files.get(directory.partition("/")[0], ()):
                for each in workspace.compile_file(Job(file, None), self.registry, self.templates, in_folder=True):
                    if each.bundle is not None:
                        self.found[each.bundle.directory] = each
        return self.found.get(directory)

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """Where a cluster's name stands: word → the manifests that have it."""
        found: dict[str, list[str]] = {}
        for file in workspace.manifests(self.paths):
            try:
                with open(file, "rb") as stream:
                    words = set(_NAME.findall(stream.read(MAX_BYTES)))
            except OSError:
                continue
            for word in words:
                found.setdefault(word.decode(), []).append(file)
        return found


_NAME = re.compile(rb"[a-z][a-z0-9-]*")


def _told(origins: Iterable[Origin], source: Source) -> str | None:
    origins = tuple(origins)
    written = _written((each for origin in origins for each in origin.paths), source)
    shown = [f"{source.file}:{source.span(each).line} {each}" for each in written[:MOST_PLACES]]
    return ", ".join(shown) or next((origin.reason for origin in origins if origin.reason), None)


def _written(paths: Iterable[Path], source: Source) -> list[Path]:
    """Keep the paths that the manifest has, each once, and of two the one that lies below the other."""
    found = [each for each in dict.fromkeys(paths) if source.has(each)]
    return [each for each in found if not any(other != each and other[: len(each)] == each for other in found)]
