"""A YAML file of pieces: what is equal in many files is written once, however often and however deep it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pgc.artifact import Lines
from pgc.bodies import Yaml


@dataclass(slots=True, eq=False)
class Keys:
    """Some keys of a mapping with their values."""

    data: Mapping[str, Any]
    written: str | None = field(default=None, repr=False)

    def text(self) -> str:
        """Write them out, once."""
        if self.written is None:
            self.written = Yaml(self.data).text() if self.data else ""
        return self.written


@dataclass(slots=True, eq=False)
class Piece:
    """Keys on one level of a file. `head` are comment lines without the `#`."""

    keys: Keys
    level: int = 0
    head: tuple[str, ...] = ()
    written: str | None = field(default=None, repr=False)

    def text(self) -> str:
        """Write it out, once."""
        if self.written is None:
            text = self.keys.text()
            if self.level and text:
                blanks = "  " * self.level
                text = blanks + text[:-1].replace("\n", "\n" + blanks) + "\n"
            self.written = "".join(f"# {line}\n" for line in self.head) + text
        return self.written

    def lines(self) -> Lines:
        """Return the origins of its lines."""
        below = Yaml(self.keys.data).traced()[1] if self.keys.data else ()
        return (*(() for _ in self.head), *below)


def piece(data: Mapping[str, Any], level: int = 0, head: tuple[str, ...] = ()) -> Piece:
    """Make a piece of data that stands nowhere else."""
    return Piece(Keys(data), level, head)


@dataclass(frozen=True, slots=True)
class Below:
    """A key whose value is the pieces that follow, one level deeper."""

    key: str
    level: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """A body of pieces, one below the other."""

    pieces: tuple[Piece | Below, ...]

    @property
    def data(self) -> dict[str, Any]:
        """What the whole file says."""
        levels: list[dict[str, Any]] = [{}]
        for each in self.pieces:
            if isinstance(each, Below):
                levels[each.level + 1 :] = [{}]
                levels[each.level][each.key] = levels[-1]
            else:
                levels[each.level].update(each.keys.data)
        return levels[0]

    def text(self) -> str:
        return "".join(
            f"{'  ' * each.level}{each.key}:\n" if isinstance(each, Below) else each.text() for each in self.pieces
        )

    def traced(self) -> tuple[str, Lines]:
        lines: list[Any] = []
        for each in self.pieces:
            lines += ((),) if isinstance(each, Below) else each.lines()
        return self.text(), tuple(lines)
