"""Exceptions in words: which exit code they end in, and the way out."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pgc.cli.entry import BUG, MANIFEST, USAGE, WORLD
from pgc.report.safe import plain

FAILURE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """How a run ended that could not do its work."""

    problem: str
    help: str
    code: int = WORLD


def of(problem: BaseException) -> Failure:
    """Return what to tell the user."""
    return next(_known(problem), None) or Failure(
        f"{type(problem).__name__}: {problem}",
        "this is a bug in pgc or a plugin; please report it with the lines above",
        BUG,
    )


def tell(failure: Failure, problem: BaseException, arguments: Sequence[str]) -> int:
    """Say on stderr how a run failed, and on stdout where one JSON document was asked for; return the exit code."""
    if failure.code == BUG:
        traceback.print_exception(problem)
        sys.stderr.write(f"help: {failure.help}\n")
    else:
        sys.stderr.write(f"error: {plain(failure.problem)}\nhelp: {plain(failure.help)}\n")
    if wants_json(arguments):
        with contextlib.suppress(OSError):
            print(document(failure), end="", flush=True)
    return failure.code


def wants_json(arguments: Sequence[str]) -> bool:
    """Say whether the command line asks for JSON; it may be one that was not understood."""
    return "--format=json" in arguments or ("--format", "json") in itertools.pairwise(arguments)


def document(failure: Failure) -> str:
    """Write the JSON document of a run that has nothing else to show (schemas/failure.schema.json)."""
    said = {"exit_code": failure.code, "problem": failure.problem, "help": failure.help}
    return json.dumps({"format_version": FAILURE_VERSION, "failure": said}, indent=1) + "\n"


def _known(problem: BaseException) -> Iterator[Failure]:
    from pgc.change.git import Unavailable, UnknownRevision
    from pgc.diagnostics import visible
    from pgc.explain import NothingToExplain
    from pgc.registry import BrokenPlugin
    from pgc.tree import WriteFailed

    if isinstance(problem, BrokenPlugin):
        yield Failure(str(problem), "mend or uninstall the plugin; `pip list` shows its distribution")
    elif isinstance(problem, WriteFailed):
        code, shown = problem.finding.code, {name: visible(value) for name, value in problem.finding.values}
        yield Failure(f"{code.code} {code.name}: {code.what.format_map(shown)}", code.help.format_map(shown))
    elif isinstance(problem, Unavailable):
        yield Failure(problem.problem, problem.help, USAGE if isinstance(problem, UnknownRevision) else WORLD)
    elif isinstance(problem, NothingToExplain):
        yield Failure(str(problem), problem.way_out, USAGE)
    elif isinstance(problem, OSError) and problem.errno is not None:  # without a number it is no word of the system's
        where = f"{visible(problem.filename)}: " if isinstance(problem.filename, str) else ""
        way_out = _WAYS_OUT.get(problem.errno, "check the path and its permissions, then run again")
        yield Failure(f"{where}{problem.strerror or problem}", way_out)
    elif isinstance(problem, RecursionError | MemoryError):
        yield Failure(f"out of resources: {type(problem).__name__}", "split the manifest into smaller ones", MANIFEST)
    elif told := getattr(problem, "way_out", None):
        yield Failure(str(problem), str(told))


_WAYS_OUT = {
    2: "give a path that exists",
    13: "give this user the permission, or write elsewhere with --out",
    28: "the disk is full: free some space and run again; the output is what it was before",
    30: "the file system is read-only: write elsewhere with --out",
}
