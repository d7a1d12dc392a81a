"""Which manifest lines a change comes from, found by compiling the changed clusters again with the changed files traced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pgc import pipeline, workspace
from pgc.artifact import Lines
from pgc.change.changes import Change, Scope, Why
from pgc.diagnostics import Path
from pgc.pipeline import Compilation
from pgc.registry import Registry
from pgc.source import Source
from pgc.templating import Templates
from pgc.workspace import Job

MOST_PLACES = 3


def manifest_lines(changes: Sequence[Change], paths: Sequence[str], registry: Registry, templates: Templates) -> Why:
    """Return the function that says of a change "orders.yaml:14 objectives.failover", or None where nothing is known.

    A manifest that no longer compiles explains nothing; the comparison itself does not depend on it.
    """
    wanted = {change.directory for change in changes if change.scope in (Scope.SETTING, Scope.SUMMARY)}
    compilations = _compilations(wanted, paths, registry, templates) if wanted else {}
    traces: dict[tuple[str, str], Lines] = {}

    def why(change: Change) -> str | None:
        compilation = compilations.get(change.directory)
        if compilation is None or compilation.cluster is None:
            return None
        source = compilation.cluster.site.source
        if change.scope is Scope.SUMMARY:
            settled = compilation.cluster.settled.get(change.setting)
            return _places(settled.paths, source) if settled else None
        if change.scope is not Scope.SETTING or not change.new_line:
            return None
        lines = traces.get((change.directory, change.path))
        if lines is None:
            try:
                _, lines, _ = pipeline.trace(compilation, change.path)
            except KeyError:
                lines = ()
            traces[change.directory, change.path] = lines
        origins = lines[change.new_line - 1] if change.new_line <= len(lines) else ()
        return _places((path for origin in origins for path in origin.paths), source)

    return why


def _compilations(
    wanted: set[str], paths: Sequence[str], registry: Registry, templates: Templates
) -> dict[str, Compilation]:
    names = {directory.partition("/")[0].encode() for directory in wanted}
    found: dict[str, Compilation] = {}
    for file in workspace.manifests(paths):
        try:
            with open(file, "rb") as stream:
                content = stream.read()
        except OSError:
            continue
        if not any(name in content for name in names):
            continue
        for compilation in workspace.compile_file(Job(file, None), registry, templates, in_folder=True):
            if compilation.bundle is not None and compilation.bundle.directory in wanted:
                found[compilation.bundle.directory] = compilation
    return found


def _places(paths: Iterable[Path], source: Source) -> str | None:
    written = [path for path in dict.fromkeys(paths) if source.has(path)]
    shown = [f"{source.file}:{source.span(path).line} {path}" for path in written[:MOST_PLACES]]
    return ", ".join(shown) or None
