"""What is said about a fault: a code from the catalogue, the values, the places, the way out.

A rule yields Findings, which speak in manifest paths. Only the core turns them into Diagnostics, which have lines.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Any, NamedTuple


class Path(tuple[str | int, ...]):
    """A place in the manifest, as keys and list indexes; `at / "ttl"` is the place below."""

    __slots__ = ()

    def __truediv__(self, part: str | int) -> Path:
        return Path((*self, part))

    def __str__(self) -> str:
        text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self)
        return text.removeprefix(".") or "(the whole manifest)"


def path(*parts: str | int) -> Path:
    """Build a Path from its parts."""
    return Path(parts)


class Severity(enum.StrEnum):
    """How bad: an error stops the compilation, a warning is shown, a note only informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Span(NamedTuple):
    """A stretch of text: a file as the user named it, lines and columns counted from 1, the end excluded."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of fault. `what`, `why` and `help` are format strings over the finding's values.

    `code` is never reused; `name` states the fault; `example` is a piece of manifest that shows it. `secret` says that the
    line itself must not be shown.
    """

    code: str
    name: str
    severity: Severity
    what: str
    why: str
    help: str
    example: str
    secret: bool = False

    def at(self, *places: Path | Span, **values: object) -> Finding:
        """Make a finding of this kind; the first place is the subject, the others are its context."""
        return Finding(self, places or (Path(),), tuple(sorted(values.items())))


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault as a rule sees it: where in the manifest (or in a named file), and the values that it saw."""

    code: Code
    places: tuple[Path | Span, ...]
    values: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A fault as a person reads it, with positions."""

    code: str
    name: str
    severity: Severity
    message: str
    consequence: str
    hint: str
    spans: tuple[Span, ...]
    paths: tuple[str, ...] = ()
    secret: bool = False

    @property
    def span(self) -> Span:
        return self.spans[0]


def diagnose(finding: Finding, spans: tuple[Span, ...]) -> Diagnostic:
    """Write a finding out; `spans` are its places, resolved by the caller who has the Source."""
    shown = {name: visible(value, LONGEST) for name, value in finding.values}
    code = finding.code
    return Diagnostic(
        code.code,
        code.name,
        code.severity,
        code.what.format_map(shown),
        code.why.format_map(shown),
        code.help.format_map(shown),
        spans,
        tuple(str(place) for place in finding.places if isinstance(place, Path)),
        code.secret,
    )


_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


LONGEST = 600  # characters of one value in a message


def visible(value: Any, limit: int = 120) -> str:
    """Show a value on one line: control and direction characters escaped, long text cut."""
    text = _INVISIBLE.sub(lambda found: f"\\u{ord(found.group()):04x}", str(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"
