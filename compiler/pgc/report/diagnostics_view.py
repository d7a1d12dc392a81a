"""Diagnostics as a person reads them in a terminal, with the line of the manifest that they are about.

    orders.yaml:14:5: error PAT004 ttl-below-floor
      ttl is 25 s, but loop_wait + 2 × retry_timeout is 30 s (loop_wait set at 9:5)
      loop_wait would be lowered to 5 s at run time: the cluster would not run the committed file
      help: raise ttl to 30 s or more
       14 |     ttl: 25s
          |          ^^^
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator

from pgc.diagnostics import Diagnostic, Severity, Span
from pgc.report.safe import Paint, counted, piece, plain, width

MAX_SHOWN_BYTES = 16 * 1024 * 1024
EXCERPT = 110
_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}

Lines = Callable[[str], tuple[str, ...]]
"""Gives the lines of a file by the name that a Span has, or no lines where it cannot be shown."""


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return diagnostics by file and position."""
    return sorted(diagnostics, key=lambda each: (each.span, each.code, each.message))


def lines_of(file: str) -> tuple[str, ...]:
    """Read a file's lines; none where it is no regular file that can be read."""
    try:
        status = os.stat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_SHOWN_BYTES:
            return ()
        with open(file, "rb") as stream:
            content = stream.read(MAX_SHOWN_BYTES)
    except (OSError, ValueError):
        return ()
    # As editors count: a form feed or a U+2028 inside a line ends no line.
    return tuple(re.split("\r\n|\n|\r", content.decode("utf-8-sig", "replace")))


def text(diagnostics: Iterable[Diagnostic], *, colour: bool = False, lines: Lines = lines_of) -> str:
    """Write diagnostics out, with a last line that counts them; nothing for none."""
    found = in_order(diagnostics)
    if not found:
        return ""
    view = _View(Paint(colour), lines)
    return "\n".join([*(line for each in found for line in view.diagnostic(each)), tally(found), ""])


def tally(diagnostics: Iterable[Diagnostic]) -> str:
    """Count diagnostics: "2 errors, 1 warning"."""
    found = [each.severity for each in diagnostics]
    return ", ".join(counted(found.count(kind), kind.value) for kind in Severity if kind in found) or "no findings"


class _View:
    def __init__(self, paint: Paint, lines: Lines) -> None:
        self.paint, self.read = paint, lines
        self.files: dict[str, tuple[str, ...]] = {}

    def diagnostic(self, each: Diagnostic) -> Iterator[str]:
        span = each.span
        place = self.paint(f"{plain(span.file)}:{span.line}:{span.column}:", "bold")
        kind = self.paint(each.severity.value, _COLOUR[each.severity], "bold")
        yield f"{place} {kind} {plain(each.code)} {plain(each.name)}"
        others = ", ".join(self.other_places(each))
        yield f"  {plain(each.message)}" + (f" ({others})" if others else "")
        yield f"  {plain(each.consequence)}"
        yield f"  {self.paint('help:', 'cyan')} {plain(each.hint)}"
        if not each.secret:
            yield from self.excerpt(span, _COLOUR[each.severity])

    def other_places(self, each: Diagnostic) -> Iterator[str]:
        named = len(each.paths) == len(each.spans)
        for index, span in enumerate(each.spans[1:], 1):
            if span == each.span:
                continue
            elsewhere = "" if span.file == each.span.file else f"{plain(span.file)}:"
            place = f"{elsewhere}{span.line}:{span.column}"
            name = re.split(r"[.\[]", each.paths[index])[-1] if named else ""
            yield f"{plain(name)} set at {place}" if name and self.is_set(name, span) else f"see {place}"

    def is_set(self, name: str, span: Span) -> bool:
        """Say whether the key itself stands there: a span may be that of a section which leaves the key out."""
        lines = self.lines(span.file)
        key = rf"(?<![\w-]){re.escape(name)}[\"']?\s*:"
        return 1 <= span.line <= len(lines) and re.search(key, lines[span.line - 1]) is not None

    def lines(self, file: str) -> tuple[str, ...]:
        if file not in self.files:
            self.files[file] = self.read(file)
        return self.files[file]

    def excerpt(self, span: Span, colour: str) -> Iterator[str]:
        lines = self.lines(span.file)
        if not 1 <= span.line <= len(lines):
            return
        line = lines[span.line - 1]
        start = min(span.column - 1, len(line))
        end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line.rstrip())
        first = max(0, start - EXCERPT // 2)
        before = piece(line[first:start])
        under = piece(line[start : max(end, start)])
        shown = piece(line[first : first + EXCERPT])
        room = max(1, width(shown) - width(before))
        number = f"{span.line:>4}"
        marks = "^" * max(1, min(width(under), room))
        if not shown.strip():
            return
        yield f"  {number} | {'…' if first else ''}{shown}{'…' if len(line) > first + EXCERPT else ''}"
        yield f"  {' ' * len(number)} | {' ' * (width(before) + bool(first))}{self.paint(marks, colour, 'bold')}"
