"""A YAML file of pieces: what is equal on all hosts is written once, however many files it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pgc.artifact import Lines
from pgc.bodies import Yaml


@dataclass(slots=True, eq=False)
class Piece:
    """Some keys of a mapping, on one level of the file."""

    data: Mapping[str, Any]
    level: int = 0
    head: tuple[str, ...] = ()
    written: str | None = field(default=None, repr=False)

    def text(self) -> str:
        """Write it out, once."""
        if self.written is None:
            text = Yaml(self.data, self.head).text() if self.data or self.head else ""
            if self.level and text:
                blanks = "  " * self.level
                text = blanks + text[:-1].replace("\n", "\n" + blanks) + "\n"
            self.written = text
        return self.written

    def traced(self) -> tuple[str, Lines]:
        """Write it out with the origins of its lines."""
        return (self.text(), Yaml(self.data, self.head).traced()[1]) if self.text() else ("", ())


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """A body of pieces, one below the other. A text is a key (`postgresql`) whose contents follow, in pieces a level deeper."""

    pieces: tuple[Piece | str, ...]

    @property
    def data(self) -> dict[str, Any]:
        """What the whole file says."""
        result: dict[str, Any] = {}
        below = result
        for piece in self.pieces:
            if isinstance(piece, str):
                below = result[piece] = {}
            else:
                (below if piece.level else result).update(piece.data)
        return result

    def text(self) -> str:
        return "".join(f"{piece}:\n" if isinstance(piece, str) else piece.text() for piece in self.pieces)

    def traced(self) -> tuple[str, Lines]:
        lines: list[Any] = []
        for piece in self.pieces:
            lines += ((),) if isinstance(piece, str) else piece.traced()[1]
        return self.text(), tuple(lines)
