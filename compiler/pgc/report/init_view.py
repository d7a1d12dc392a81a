"""What `pgc init` says."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from pgc.diagnostics import Diagnostic
from pgc.init import Answers
from pgc.report import diagnostics_view
from pgc.report.safe import plain


def refused(diagnostics: Iterable[Diagnostic], text: str) -> str:
    """Say why answers make no cluster, on the lines of the manifest that they would have become."""
    found = diagnostics_view.text(diagnostics, lines=lambda _: tuple(text.splitlines()))
    return f"{found}nothing was written: the answers make no cluster\n"


def wrote(path: str, written: bool) -> str:
    """Say of one file whether it was written."""
    return f"{'wrote' if written else 'kept '} {plain(path)}"


def next_steps(folder: str, answers: Answers) -> str:
    """Say how to go on."""
    there = [] if folder == "." else [f"cd {shlex.quote(folder)}"]
    steps = [*there, "pgc compile clusters", f"git add . && git commit -m 'cluster {answers.name}'"]
    return "\nnext:\n" + "".join(f"  {step}\n" for step in steps)
