"""What an explanation is, and how its origins become words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pgc.diagnostics import Diagnostic
from pgc.provenance import Origin
from pgc.source import Source


class NothingToExplain(Exception):
    """The question names nothing that is there; `way_out` says what could be asked."""

    def __init__(self, problem: str, way_out: str) -> None:
        super().__init__(problem)
        self.way_out = way_out


class DoesNotCompile(Exception):
    """The manifest that would have the answer is wrong: `diagnostics` say where."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        super().__init__("the manifest does not compile")
        self.diagnostics = tuple(diagnostics)


@dataclass(frozen=True, slots=True)
class Reason:
    """One origin of one thing, in words."""

    plugin: str
    reason: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer: what was asked about, its text or value, what it means, where it comes from.

    `file` says whose file a line stands in; `caution` limits the answer.
    """

    subject: str
    text: str
    reasons: tuple[Reason, ...]
    meaning: str = ""
    file: str = ""
    caution: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """All explanations of one subject; `diagnostics` are of manifests that could not be asked."""

    explanations: tuple[Explanation, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def in_words(origins: Iterable[Origin], plugin: str, source: Source) -> tuple[Reason, ...]:
    """Say where something comes from; `plugin` is the author where an origin names none."""
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
