"""Explaining a line of a generated file, by compiling its cluster again with that one file traced."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path as FilePath

from pgc import pipeline, workspace
from pgc.artifact import LOCK_NAME, Lock, digest, read_lock
from pgc.diagnostics import Diagnostic
from pgc.explain.answers import Answer, DoesNotCompile, Explanation, NothingToExplain, in_words
from pgc.pipeline import Compilation
from pgc.provenance import Origin
from pgc.registry import Registry
from pgc.templating import COMPUTED, Templates
from pgc.workspace import Job

STALE = "the file on disk is not what the manifest makes now, so its lines may be others: compile again"


def line(place: str, manifests: Iterable[str], registry: Registry, templates: Templates) -> Answer:
    """Explain `FILE:LINE`.

    Raises:
        NothingToExplain: the file is not a generated one, no manifest makes it, or it has no such line.
        DoesNotCompile: its manifest is wrong.
    """
    file, _, number = place.rpartition(":")
    tree, path = _tree_of(file)
    lock = _lock(tree)
    if path not in lock.entries:
        raise NothingToExplain(
            f"{file} comes from no manifest line", f"name a file that {tree.name}/{LOCK_NAME} lists, with a line"
        )
    compilation = _compilation(lock, manifests, registry, templates)
    if compilation.artifacts is None or path not in compilation.artifacts:
        raise NothingToExplain(f"the manifest of {lock.name} no longer makes {path}", "compile again: the tree is stale")
    assert compilation.cluster is not None  # it has artifacts
    text, origins, plugin = pipeline.trace(compilation, path)
    lines, index = text.splitlines(), int(number) - 1
    if not 0 <= index < len(lines):
        raise NothingToExplain(f"{file} has {len(lines)} lines", "name one of them")
    entry = lock.entries[path]
    found = origins[index] if index < len(origins) else ()
    reasons = in_words(found or (_unsaid(registry, entry.format),), plugin, compilation.cluster.site.source)
    whose = f"a file of {entry.plugin}" + (f", read by {entry.consumer}" if entry.consumer else "")
    caution = "" if _on_disk(tree / path) == digest(text.encode()) else STALE
    return Answer((Explanation(f"{file}:{number}", lines[index].strip(), reasons, file=whose, caution=caution),))


def _unsaid(registry: Registry, format_name: str) -> Origin:
    """Return the origin of a line that names none: prose is written from the whole cluster, the rest never changes."""
    known = registry.formats.get(format_name)
    return COMPUTED if known is not None and known.prose else Origin(reason="always written so")


def _on_disk(file: FilePath) -> str:
    try:
        return digest(file.read_bytes())
    except OSError:
        return ""


def _tree_of(file: str) -> tuple[FilePath, str]:
    """Find the tree that a generated file belongs to: the nearest folder above it with a lock file."""
    absolute = FilePath(os.path.abspath(file))
    for above in absolute.parents:
        if (above / LOCK_NAME).is_file():
            return above, str(absolute.relative_to(above))
    raise NothingToExplain(
        f"{file} lies in no tree that pgc made", "name a file below generated/, with a line: FILE:LINE"
    )


def _lock(tree: FilePath) -> Lock:
    try:
        return read_lock((tree / LOCK_NAME).read_bytes())
    except ValueError as problem:
        raise NothingToExplain(f"{tree / LOCK_NAME}: {problem}", "restore it with git checkout, or compile again") from None


def _compilation(lock: Lock, manifests: Iterable[str], registry: Registry, templates: Templates) -> Compilation:
    wrong: list[Diagnostic] = []
    for file in manifests:
        with open(file, "rb") as stream:
            if lock.name.encode() not in stream.read():
                continue
        for compilation in workspace.compile_file(Job(file, None), registry, templates, in_folder=True):
            if compilation.bundle is None:
                wrong += compilation.diagnostics
            elif (compilation.name, compilation.environment) == (lock.name, lock.environment):
                return compilation
    if wrong:
        raise DoesNotCompile(wrong)
    raise NothingToExplain(
        f"no manifest here compiles to the cluster {lock.name}", "say where the manifests are: --manifests PATH"
    )
