"""From paths to compilations: which files are manifests, and how many of them are compiled side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from pgc import parse, pipeline, source
from pgc.artifact import LOCK_NAME
from pgc.diagnostics import Code, Diagnostic, Path, Severity, Span, diagnose
from pgc.pipeline import Compilation
from pgc.registry import Registry
from pgc.source import Source, Unreadable
from pgc.templating import Templates

MAN012 = Code(
    "MAN012",
    "cluster-defined-twice",
    Severity.ERROR,
    what="the cluster {name} is also defined in {other}",
    why="both would be written to the same folder, and the later one would win",
    help="rename one of the two, or compile them into different folders with --out",
    example="metadata: {name: orders}   # in two files of one folder",
)
MAN013 = Code(
    "MAN013",
    "unknown-environment",
    Severity.ERROR,
    what="the manifest has no environment {given}; it has: {known}",
    why="there is nothing to compile",
    help="name one of its environments, or add it under `environments:`",
    example="pgc compile orders.yaml --env stagign",
)
MAN014 = Code(
    "MAN014",
    "no-manifest",
    Severity.ERROR,
    what="{given} holds no manifest (a YAML file with apiVersion: pgc.dev/…)",
    why="there is nothing to compile",
    help="name a manifest or a folder that holds one; `pgc init` writes one",
    example="pgc compile empty-folder/",
)
MAN015 = Code(
    "MAN015",
    "bad-environments",
    Severity.ERROR,
    what="`environments` is not a mapping of names to overrides",
    why="nothing can be merged",
    help="write environments: {{staging: {{…}}, production: {{…}}}}",
    example="environments: [staging, production]",
)
CODES = (MAN012, MAN013, MAN014, MAN015)


@dataclass(frozen=True, slots=True)
class Job:
    """One manifest to compile, and for which of its environments (None: all)."""

    file: str
    environment: str | None


def manifests(paths: Sequence[str]) -> Iterator[str]:
    """Yield the manifests that paths name: files as they are, folders with all YAML files below, sorted.

    Hidden files and folders are left out, and so are trees that pgc made.
    """
    for given in paths:
        if not os.path.isdir(given):
            yield given
            continue
        for folder, folders, names in os.walk(os.path.normpath(given)):
            made_by_pgc = LOCK_NAME in names
            folders[:] = [] if made_by_pgc else sorted(name for name in folders if not name.startswith("."))
            for name in () if made_by_pgc else sorted(names):
                if name.endswith((".yaml", ".yml")) and not name.startswith("."):
                    yield os.path.join(folder, name) if folder != os.curdir else name


def compile_file(job: Job, registry: Registry, templates: Templates, *, in_folder: bool = False) -> list[Compilation]:
    """Compile one manifest for its environments; a file in a folder that is no manifest at all gives nothing."""
    with open(job.file, "rb") as stream:
        text = stream.read(source.MAX_BYTES + 1)
    if in_folder and b"pgc.dev/" not in text:
        return []
    try:
        whole = source.read(text, job.file)
    except Unreadable as problem:
        found = [
            diagnose(finding, tuple(place for place in finding.places if isinstance(place, Span)))
            for finding in problem.findings
        ]
        return [
            Compilation(_stem(job.file), job.environment or "", None, tuple(sorted(found, key=lambda each: each.span)))
        ]
    return [
        pipeline.compile_source(whole, name, registry, templates, _reader(job.file))
        if problem is None
        else _refused(whole, problem)
        for name, problem in _environments(whole, job)
    ]


def compile_text(text: str, file: str, registry: Registry, templates: Templates) -> Compilation:
    """Compile a manifest that is not written yet, as the file that it will be; it can name no other files."""
    whole = source.read(text.encode(), file)
    return pipeline.compile_source(whole, parse.environments(whole)[0], registry, templates, lambda _: "")


def _environments(whole: Source, job: Job) -> Iterator[tuple[str | None, Diagnostic | None]]:
    known = parse.environments(whole)
    given = whole.data.get("environments")
    at = whole.span(Path(("environments",)))
    if given is not None and not (
        isinstance(given, dict) and all(isinstance(over, dict | None) for over in given.values())
    ):
        yield None, diagnose(MAN015.at(at), (at,))
    elif job.environment is None:
        yield from ((name, None) for name in known)
    elif job.environment in known:
        yield job.environment, None
    else:
        finding = MAN013.at(at, given=job.environment, known=", ".join(filter(None, known)) or "none")
        yield None, diagnose(finding, (at,))


def _refused(whole: Source, problem: Diagnostic) -> Compilation:
    return Compilation(_stem(whole.file), "", None, (problem,))


def _stem(file: str) -> str:
    return os.path.splitext(os.path.basename(file))[0]


def _reader(manifest: str) -> Callable[[str], str]:
    """Return a function that reads a file below the manifest's folder, and refuses one that a link leads out of it."""
    folder = FilePath(manifest).resolve().parent

    def read(name: str) -> str:
        file = (folder / name).resolve()
        if not file.is_relative_to(folder):
            raise ValueError("it lies outside the manifest's folder")
        content = file.read_bytes()
        if len(content) > source.MAX_BYTES:
            raise ValueError(f"it has more than {source.MAX_BYTES} bytes")
        return content.decode()

    return read


def judge_names(defined: Sequence[tuple[str, str, str]]) -> Iterator[Diagnostic]:
    """Yield a diagnostic for every cluster that two manifests define. Rows are (file, cluster, folder); no folder: it failed."""
    first: dict[str, str] = {}
    for file, name, directory in defined:
        other = first.setdefault(name, file) if directory else file
        if other != file:
            at = Span(file, 1, 1, 1, 1)
            yield diagnose(MAN012.at(at, name=name, other=other), (at,))
