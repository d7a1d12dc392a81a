"""Why is it so? For a line of a generated file, for a setting, for a diagnostic."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath

from pgc import pipeline, workspace
from pgc.artifact import LOCK_NAME, read_lock
from pgc.cluster import Cluster
from pgc.diagnostics import Code
from pgc.facts import Parameter
from pgc.pipeline import Compilation
from pgc.provenance import Origin
from pgc.registry import Registry
from pgc.source import Source
from pgc.templating import Templates
from pgc.workspace import Job


class NothingToExplain(Exception):
    """The question names nothing that is there; `way_out` says what could be asked."""

    def __init__(self, problem: str, way_out: str) -> None:
        super().__init__(problem)
        self.way_out = way_out


@dataclass(frozen=True, slots=True)
class Reason:
    """One origin of one thing, in words."""

    plugin: str
    reason: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer: what was asked about, its text or value, and where it comes from."""

    subject: str
    text: str
    reasons: tuple[Reason, ...]


def code(name: str, registry: Registry) -> str:
    """Document a diagnostic, given by its code or its name.

    Raises:
        NothingToExplain: no plugin has such a diagnostic.
    """
    wanted = name.lower()
    found = next((each for each in registry.codes.values() if wanted in (each.code.lower(), each.name)), None)
    if found is None:
        known = [*registry.codes, *(each.name for each in registry.codes.values())]
        near = difflib.get_close_matches(name, known, n=1)
        raise NothingToExplain(
            f"there is no diagnostic {name}",
            f"did you mean {near[0]}?" if near else "`pgc explain --codes` lists them all",
        )
    return document(found)


def document(found: Code) -> str:
    """Write a diagnostic's documentation: what, why, example, remedy."""
    example = "\n".join(f"    {line}" for line in found.example.splitlines())
    return (
        f"{found.code} {found.name} ({found.severity.value})\n\n"
        f"what     {_words(found.what)}\nwhy      {_words(found.why)}\nremedy   {_words(found.help)}\n\nexample\n\n{example}\n"
    )


def _words(template: str) -> str:
    """Show a message's placeholders as words: {given} becomes ‹given›."""
    return re.sub(r"(?<!\{)\{(\w+)\}(?!\})", r"‹\1›", template).replace("{{", "{").replace("}}", "}")


def line(place: str, manifests: Iterable[str], registry: Registry, templates: Templates) -> Explanation:
    """Explain `FILE:LINE`, a line of a generated file, by compiling its cluster again with that file traced.

    Raises:
        NothingToExplain: the file is not a generated one, no manifest makes it, or it has no such line.
    """
    file, _, number = place.rpartition(":")
    tree, path = _tree_of(file)
    lock = read_lock((tree / LOCK_NAME).read_bytes())
    compilation = _compilation(lock.name, lock.environment, manifests, registry, templates)
    if compilation.artifacts is None or path not in compilation.artifacts:
        raise NothingToExplain(
            f"the manifest of {lock.name} does not make {path}", "compile again: the generated tree is stale"
        )
    text, origins, plugin = pipeline.trace(compilation, path)
    lines = text.splitlines()
    index = int(number) - 1
    if not 0 <= index < len(lines):
        raise NothingToExplain(f"{file} has {len(lines)} lines", "name one of them")
    found = origins[index] if index < len(origins) else ()
    return Explanation(
        f"{file}:{number}",
        lines[index].strip(),
        _reasons(found or (Origin(reason="always written so", plugin=plugin),), plugin, _source(compilation)),
    )


def setting(name: str, manifests: Iterable[str], registry: Registry, templates: Templates) -> Iterator[Explanation]:
    """Explain a setting in every cluster: a settled value, a PostgreSQL parameter, or a manifest path.

    Raises:
        NothingToExplain: no cluster has such a setting.
    """
    found = False
    known: set[str] = set()
    for file in manifests:
        for compilation in workspace.compile_file(Job(file, None), registry, templates, in_folder=True):
            cluster = compilation.cluster
            if cluster is None:
                continue
            title = f"{compilation.name}/{compilation.environment}" if compilation.environment else compilation.name
            for explanation in _settings(name, title, cluster):
                found = True
                yield explanation
            known |= {*cluster.settled, *(fact.name for fact in cluster.facts.all(Parameter))}
    if not found:
        near = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
        raise NothingToExplain(
            f"no cluster here has a setting {name}",
            f"did you mean {' or '.join(near)}?" if near else "name a setting, or FILE:LINE",
        )


def _settings(name: str, title: str, cluster: Cluster) -> Iterator[Explanation]:
    source = cluster.site.source
    for settled, value in cluster.settled.items():
        if name in (settled, settled.rpartition(".")[2], settled.rpartition(".")[2].removesuffix("_s")):
            origin = Origin(value.paths, value.reason, settled.partition(".")[0])
            yield Explanation(
                f"{title}: {settled}", f"{value.value} {value.unit}".strip(), _reasons((origin,), "", source)
            )
    for parameter in cluster.facts.all(Parameter, name):
        where = f" on {parameter.host}" if parameter.host else ""
        yield Explanation(f"{title}: {name}{where}", str(parameter.value), _reasons((parameter.origin,), "", source))
    path = tuple(name.split("."))
    if source.has(path):  # type: ignore[arg-type]
        span = source.span(path)  # type: ignore[arg-type]
        yield Explanation(f"{title}: {name}", "", (Reason("manifest", "set in the manifest", (str(span),)),))


def _tree_of(file: str) -> tuple[FilePath, str]:
    """Find the tree that a generated file belongs to: the nearest folder above it with a lock file."""
    absolute = FilePath(os.path.abspath(file))
    for above in absolute.parents:
        if (above / LOCK_NAME).is_file():
            return above, str(absolute.relative_to(above))
    raise NothingToExplain(
        f"{file} lies in no tree that pgc made", "name a file below generated/, with a line: FILE:LINE"
    )


def _compilation(
    name: str, environment: str, manifests: Iterable[str], registry: Registry, templates: Templates
) -> Compilation:
    for file in manifests:
        with open(file, "rb") as stream:
            if name.encode() not in stream.read():
                continue
        for compilation in workspace.compile_file(Job(file, None), registry, templates, in_folder=True):
            if (compilation.name, compilation.environment) == (name, environment) and compilation.bundle is not None:
                return compilation
    raise NothingToExplain(
        f"no manifest here compiles to the cluster {name}", "say where the manifests are: --manifests PATH"
    )


def _source(compilation: Compilation) -> Source:
    assert compilation.cluster is not None
    return compilation.cluster.site.source


def _reasons(origins: Iterable[Origin], plugin: str, source: Source) -> tuple[Reason, ...]:
    return tuple(
        dict.fromkeys(
            Reason(
                origin.plugin or plugin,
                origin.reason or "always written so",
                tuple(f"{source.span(path)} {path}" for path in origin.paths),
            )
            for origin in origins
        )
    )
