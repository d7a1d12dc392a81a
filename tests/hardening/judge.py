"""What every answer to a manifest must be like, whatever the manifest was."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pgc import workspace
from pgc.diagnostics import Code, Diagnostic, Severity
from pgc.pipeline import Compilation
from pgc.registry import Registry
from pgc.templating import Templates
from pgc.workspace import Job

SECONDS = 2.0
_UNFILLED = re.compile(r"\{[a-z_]+\}|\bNone\b(?!\w)|<[a-z_.]+ object at|\bdict\[|PydanticUndefined")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class TooSlow(AssertionError):
    """A compilation took more processor time than any manifest may."""


@contextmanager
def bounded(seconds: float = SECONDS) -> Iterator[None]:
    """Interrupt what takes longer, in processor time: other processes on the machine do not count."""

    def stop(*_: object) -> None:
        raise TooSlow(f"more than {seconds} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def compile_bytes(
    content: bytes, folder: Path, registry: Registry, templates: Templates, seconds: float = SECONDS
) -> list[Compilation]:
    """Compile a manifest in all its environments, as `pgc compile FILE` does, within bounds."""
    file = folder / "m.yaml"
    file.write_bytes(content)
    with bounded(seconds):
        return workspace.compile_file(Job(str(file), None), registry, templates)


def judge(compilations: Sequence[Compilation], content: bytes, codes: Mapping[str, Code], file: str) -> None:
    """Assert that each compiled, or says what is wrong in a way that a person can use."""
    lines = content.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    assert compilations, "no answer at all"
    for compilation in compilations:
        refused = any(each.severity is Severity.ERROR for each in compilation.diagnostics)
        assert refused is (compilation.bundle is None), (refused, compilation.bundle is None)
        for each in compilation.diagnostics:
            problem = fault_of(each, lines, codes, file)
            assert not problem, f"{problem}: {each}"


def fault_of(each: Diagnostic, lines: Sequence[str], codes: Mapping[str, Code], file: str) -> str:
    """Say what is wrong with a diagnostic, or return the empty string."""
    if each.code not in codes or codes[each.code].severity is not each.severity:
        return "an unknown code"
    for name in ("message", "consequence", "hint"):
        text: Any = getattr(each, name)
        if len(text.strip()) < 5:
            return f"{name} says nothing"
        if found := _UNFILLED.search(text):
            return f"{name} holds {found.group()}"
        if _UNSEEN.search(text):
            return f"{name} holds a character that nobody sees"
    if not each.spans:
        return "no position"
    for span in each.spans:
        if span.file != file:
            return f"a position in {span.file}"
        if not (1 <= span.line <= len(lines) and 1 <= span.column <= len(lines[span.line - 1]) + 1):
            return f"the position {span} is outside of the file"
        if (span.end_line, span.end_column) < (span.line, span.column) or span.end_line > len(lines):
            return f"a position that ends at {span.end_line}:{span.end_column}"
    return ""
