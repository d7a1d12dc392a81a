"""The examples compiled with every installed plugin, and their pages taken apart."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import cache

from pgc import parse, pipeline, source
from pgc import registry as registries
from pgc.artifact import LOCK_NAME
from pgc.pipeline import Compilation
from tests.conftest import ROOT

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
EXAMPLES = sorted(file.name for file in (ROOT / "examples").glob("*.yaml"))


@cache
def example(name: str) -> tuple[Compilation, ...]:
    """Compile an example in each of its environments."""
    whole = source.read((ROOT / "examples" / name).read_bytes(), name)
    return tuple(compile_source(whole, environment) for environment in parse.environments(whole))


def compile_source(whole: source.Source, environment: str | None = None) -> Compilation:
    used = registries.load()
    return pipeline.compile_source(whole, environment, used, used.templates(), lambda name: "")


@cache
def compiled(text: str) -> Compilation:
    found = compile_source(source.read(text.encode(), "m.yaml"))
    assert found.bundle is not None, [each.message for each in found.diagnostics if each.severity == "error"]
    return found


def pages(compilation: Compilation) -> dict[str, str]:
    """Return the Markdown pages by their path."""
    assert compilation.bundle is not None, [each.message for each in compilation.diagnostics]
    return {
        path: file.content.decode()
        for path, file in compilation.bundle.files.items()
        if file.entry.format == "markdown"
    }


def prose(page: str) -> Iterator[str]:
    """Yield the lines of a page that are not inside a fence."""
    fence = ""
    for line in page.splitlines():
        mark = re.match(r"\s*(`{3,})", line)
        if mark and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        elif not fence:
            yield line


def targets(path: str, page: str) -> set[str]:
    """Return the paths that a page links to, below the cluster's folder."""
    found = set()
    for line in prose(page):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if "://" not in target:
                found.add(posixpath.normpath(posixpath.join(posixpath.dirname(path), target.partition("#")[0])))
    return found


def everything(compilation: Compilation) -> set[str]:
    """Return all paths of a tree, the lock file among them."""
    assert compilation.bundle is not None
    return {*compilation.bundle.files, LOCK_NAME}


def tables(page: str) -> Iterator[list[list[str]]]:
    """Yield each table as rows of cells, split where no backslash stands before the bar."""
    rows: list[list[str]] = []
    for line in [*prose(page), ""]:
        if line.startswith("|"):
            assert line.endswith("|"), line
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])])
        elif rows:
            yield rows
            rows = []
