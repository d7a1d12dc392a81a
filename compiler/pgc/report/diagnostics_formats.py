"""Diagnostics for other programs: one JSON document, GitHub's workflow commands, and the choice among all formats."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pgc.diagnostics import Code, Diagnostic, Severity, Span
from pgc.report import diagnostics_view
from pgc.report.diagnostics_view import in_order
from pgc.report.places import within
from pgc.report.safe import command_data, command_property, plain

DIAGNOSTICS_VERSION = 1
FORMATS = ("text", "json", "sarif", "github")
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_WORST_FIRST = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def show(
    diagnostics: Iterable[Diagnostic], form: str, *, codes: Iterable[Code] = (),
    result: Mapping[str, Any] | None = None, colour: bool = False, root: Path | None = None,
) -> str:
    """Write diagnostics in one of FORMATS. `root` is the repository's folder, to which SARIF and GitHub name files.

    Raises:
        KeyError: no such format.
    """
    writers: Mapping[str, Callable[[], str]] = {
        "text": lambda: diagnostics_view.text(diagnostics, colour=colour),
        "json": lambda: as_json(diagnostics, result),
        "sarif": lambda: _sarif(diagnostics, codes, root or Path.cwd()),
        "github": lambda: github(diagnostics, root or Path.cwd()),
    }
    return writers[form]()


def _sarif(diagnostics: Iterable[Diagnostic], codes: Iterable[Code], root: Path) -> str:
    from pgc.report.sarif import sarif  # its imports are for those who ask for it

    return sarif(diagnostics, codes, root)


def as_json(diagnostics: Iterable[Diagnostic], result: Mapping[str, Any] | None = None) -> str:
    """Write one JSON document (schemas/diagnostics.schema.json). `result` is what the command did, in its own words."""
    found = in_order(diagnostics)
    document: dict[str, Any] = {
        "format_version": DIAGNOSTICS_VERSION,
        "counts": {f"{kind.value}s": sum(each.severity is kind for each in found) for kind in Severity},
        "diagnostics": [_as_json(each) for each in found],
    }
    if result is not None:
        document["result"] = dict(result)
    return json.dumps(document, indent=1) + "\n"


def _as_json(each: Diagnostic) -> dict[str, Any]:
    paths = each.paths if len(each.paths) == len(each.spans) else ()
    return {
        "code": each.code, "name": each.name, "severity": each.severity.value,
        "message": each.message, "consequence": each.consequence, "help": each.hint,
        **_place(each.span), "path": paths[0] if paths else None,
        "related": [
            {**_place(span), "path": paths[index] if paths else None} for index, span in enumerate(each.spans[1:], 1)
        ],
    }


def _place(span: Span) -> dict[str, Any]:
    return span._asdict()


def github(diagnostics: Iterable[Diagnostic], root: Path) -> str:
    """Write workflow commands that annotate a pull request's lines, the worst first: GitHub shows ten of each."""
    found = sorted(diagnostics, key=lambda each: (_WORST_FIRST[each.severity], each.span, each.code, each.message))
    return "".join(f"{_command(each, root)}\n" for each in found)


def _command(each: Diagnostic, root: Path) -> str:
    properties = ",".join(f"{name}={command_property(value)}" for name, value in _properties(each, root))
    others = [f"see {plain(str(span))}" for span in each.spans[1:] if span != each.span]
    said = [plain(each.message), *others, plain(each.consequence), f"help: {plain(each.hint)}"]
    return f"::{_LEVEL[each.severity]} {properties}::{command_data(chr(10).join(said))}"


def _properties(each: Diagnostic, root: Path) -> Iterator[tuple[str, str]]:
    span = each.span
    yield "file", plain(within(span.file, root) or os.path.abspath(span.file))
    yield "line", str(span.line)
    if span.end_line > span.line:
        yield "endLine", str(span.end_line)
    else:  # GitHub takes columns on a single line only; its end is included, ours is not
        yield "col", str(span.column)
        yield "endColumn", str(max(span.column, span.end_column - 1))
    yield "title", plain(f"{each.code} {each.name}")
