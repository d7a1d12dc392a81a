"""What validators said: verdicts, the file that keeps them, and how they are told.

A verdict is a property of bytes: it names the SHA-256 of the file and of everything else that was laid down, never a
path, a host or a time. So it holds wherever the same bytes stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pgc.diagnostics import Code, Diagnostic, Severity, Span, visible
from pgc.hookspecs import Problem

VALIDATION_NAME = "validation.json"
FORMAT_VERSION = 1

ACCEPTED, REJECTED, NOT_VALIDATED = "accepted", "rejected", "not-validated"
RESULTS = (ACCEPTED, REJECTED, NOT_VALIDATED)

VAL001 = Code(
    "VAL001",
    "rejected-by-its-product",
    Severity.ERROR,
    what="{validator} refuses this file: {problem}",
    why="the product would not start with it, or would ignore what it does not understand",
    help="change the value in the manifest (`pgc explain FILE:LINE` names it); if it is right, the plugin is wrong",
    example="postgres:\n  raw: {bogus: 1}   # postgres -C: unrecognized configuration parameter",
)
VAL002 = Code(
    "VAL002",
    "not-validated",
    Severity.WARNING,
    what="{validator} did not judge {files}: {problem}",
    why="only the product itself knows all that it refuses; what it did not see may fail when it is applied",
    help="{way_out}",
    example="(pgc validate on a machine without systemd-analyze)",
)
VAL003 = Code(
    "VAL003",
    "validator-required",
    Severity.ERROR,
    what="{validator} did not judge {files}, and every validator is required: {problem}",
    why="with --require-validators nothing passes that its product has not seen",
    help="{way_out}",
    example="(pgc validate --require-validators on a machine without systemd-analyze)",
)
VAL004 = Code(
    "VAL004",
    "verdicts-damaged",
    Severity.WARNING,
    what="the verdicts in this file cannot be read: {problem}",
    why="what was validated before is not known and has to be validated again",
    help="run `pgc validate`, which writes the file anew",
    example="(a validation.json with a merge conflict in it)",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one validator says of one file's bytes.

    `sha256` is the file's digest, `inputs` that of the runs: command lines and all bytes laid down. `version` is what
    the tool says of itself. `reason` says why there is no verdict, `way_out` what to do; `caveats` are its limits.
    """

    sha256: str
    inputs: str
    validator: str
    result: str
    version: str = ""
    reason: str = ""
    way_out: str = ""
    caveats: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        return self.sha256, self.inputs, self.validator


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and the files of the tree that it is about."""

    verdict: Verdict
    paths: tuple[str, ...]


def dump_verdicts(verdicts: Iterable[Verdict]) -> bytes:
    """Write `validation.json`: JSON with one line a verdict, in an order that depends on the verdicts alone."""
    rows = (
        json.dumps(_row(verdict), ensure_ascii=False)
        for verdict in sorted({each.key: each for each in verdicts}.values(), key=lambda each: each.key)
    )
    return (
        f'{{\n "format_version": {FORMAT_VERSION},\n "verdicts": [\n  ' + ",\n  ".join(rows)
    ).rstrip().encode() + b"\n ]\n}\n"


def _row(verdict: Verdict) -> dict[str, Any]:
    row: dict[str, Any] = {
        "sha256": verdict.sha256,
        "inputs": verdict.inputs,
        "validator": verdict.validator,
        "result": verdict.result,
        "version": verdict.version,
        "reason": verdict.reason,
        "way_out": verdict.way_out,
        "caveats": list(verdict.caveats),
        "problems": [{"line": each.line, "message": each.message} for each in verdict.problems],
    }
    return {name: value for name, value in row.items() if value or name == "version"}


def read_verdicts(content: bytes) -> tuple[Verdict, ...]:
    """Read `validation.json` back.

    Raises:
        ValueError: it is not such a file, or of another version.
    """
    data = json.loads(content)
    if (
        not isinstance(data, dict)
        or data.get("format_version") != FORMAT_VERSION
        or not isinstance(data.get("verdicts"), list)
    ):
        raise ValueError(f"not a list of verdicts of version {FORMAT_VERSION}")
    return tuple(_verdict(row) for row in data["verdicts"])


def _verdict(row: Any) -> Verdict:
    try:
        problems = tuple(Problem(str(each["message"]), int(each.get("line", 0))) for each in row.get("problems", ()))
        if row["result"] not in RESULTS:
            raise ValueError(f"{visible(row['result'])} is no result")
        return Verdict(
            str(row["sha256"]),
            str(row["inputs"]),
            str(row["validator"]),
            row["result"],
            str(row["version"]),
            str(row.get("reason", "")),
            str(row.get("way_out", "")),
            tuple(map(str, row.get("caveats", ()))),
            problems,
        )
    except (KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"a damaged verdict: {problem!r}") from None


def stored(content: bytes | None, file: str) -> tuple[tuple[Verdict, ...], tuple[Diagnostic, ...]]:
    """Read a `validation.json` that may be missing or damaged; a damaged one is told and counts as empty."""
    if content is None:
        return (), ()
    try:
        return read_verdicts(content), ()
    except (ValueError, RecursionError) as problem:
        line = getattr(problem, "lineno", 1)
        return (), (_diagnostic(VAL004, (Span(file, line, 1, line, 1),), problem=problem),)


def diagnose_verdicts(judged: Iterable[Judged], prefix: str = "", *, require: bool = False) -> Iterator[Diagnostic]:
    """Tell what was rejected, once for equal files, and what nobody saw, once for each validator and reason.

    `prefix` is where the tree lies. With `require` a file that its validator did not see is an error. No line: the file's start.
    """
    in_order = sorted(judged, key=lambda each: (each.paths, each.verdict.key))
    unseen: dict[tuple[str, str, str], list[str]] = {}
    for each in in_order:
        verdict = each.verdict
        if verdict.result == NOT_VALIDATED:
            unseen.setdefault((verdict.validator, verdict.reason, verdict.way_out), []).extend(each.paths)
        for problem in verdict.problems if verdict.result == REJECTED else ():
            spans = _spans(each.paths, prefix, max(problem.line, 1))
            yield _diagnostic(VAL001, spans, validator=_tool(verdict), problem=problem.message)
    for (validator, reason, way_out), paths in unseen.items():
        code = VAL003 if require else VAL002
        spans = _spans(tuple(paths), prefix, 1)
        yield _diagnostic(code, spans, validator=validator, problem=reason, way_out=way_out, files=_counted(len(paths)))


def _counted(files: int) -> str:
    return "this file" if files == 1 else f"{files} files, this one among them"


def _tool(verdict: Verdict) -> str:
    return f"{verdict.validator} ({verdict.version})" if verdict.version else verdict.validator


def _spans(paths: tuple[str, ...], prefix: str, line: int) -> tuple[Span, ...]:
    return tuple(Span(prefix + path, line, 1, line, 1) for path in paths)


def _diagnostic(code: Code, spans: tuple[Span, ...], **values: object) -> Diagnostic:
    shown = {name: visible(value, 400) for name, value in values.items()}
    return Diagnostic(
        code.code,
        code.name,
        code.severity,
        code.what.format_map(shown),
        code.why.format_map(shown),
        code.help.format_map(shown),
        spans,
    )


def on_one_line(problem: Problem) -> Problem:
    """Make a tool's words fit to be kept and shown: no control characters, one line, of bounded length."""
    return replace(problem, message=visible(" ".join(problem.message.split()), 400), line=max(problem.line, 0))


CODES = (VAL001, VAL002, VAL003, VAL004)
