"""Where a value comes from: the manifest path that asked for it, or the reason why it was derived, and the plugin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pgc.diagnostics import Path


@dataclass(frozen=True, slots=True)
class Origin:
    """The author of one value.

    `paths` are manifest paths that decided it (the first one most directly); `reason` says in one sentence why the value
    is what it is; `plugin` is filled in by the core for values whose author it knows.
    """

    paths: tuple[Path, ...] = ()
    reason: str = ""
    plugin: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Sourced:
    """A value on its way into an artifact, with its origin. In templates it prints, compares and tests as its value."""

    value: Any
    origin: Origin

    def __str__(self) -> str:
        return str(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == bare(other))

    def __hash__(self) -> int:
        return hash(self.value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __len__(self) -> int:
        return len(self.value)


def bare(value: Any) -> Any:
    """Take the value out of a Sourced; anything else is returned as it is."""
    return value.value if isinstance(value, Sourced) else value


def because(value: Any, reason: str, *paths: Path) -> Sourced:
    """Attach a derivation to a value: `because(4, "one per core", path("hosts", "pg1", "cores"))`."""
    return Sourced(value, Origin(paths, reason))
