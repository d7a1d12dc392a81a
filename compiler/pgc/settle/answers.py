"""What comes out of settling: chosen values, or conflicts with the ways out of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pgc.diagnostics import Path
from pgc.terms import Constraint, Number, Open, tidy


@dataclass(frozen=True, slots=True)
class Chosen:
    """A settled value and, in one sentence, why it is not a better candidate; `paths` decided it in the manifest."""

    value: Number
    open: Open
    reason: str
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Relax:
    """A way out: give an objective more room.

    `over` is how far the least that can be reached lies beyond `limit` when everything else stays as it is; None where
    more room does not help. `limit` is the right-hand side, None where that is not a plain number. One objective may
    bound several things: `together` are all constraints that stand for it; the figures hold for all of them at once.
    `exact` is False where the steps ran out: then `over` is only a lower bound. `besides` says that the other conflicts
    have to be solved as well.
    """

    constraint: Constraint
    together: tuple[Constraint, ...]
    limit: Number | None
    over: Number | None
    exact: bool
    besides: bool
    text: str

    @property
    def reachable(self) -> Number | None:
        """The least right-hand side that can be kept."""
        return None if self.limit is None or self.over is None else tidy(self.limit + self.over)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(map(Path, self.constraint.paths))


@dataclass(frozen=True, slots=True)
class Release:
    """A way out: set a value that was set by hand to one of `values`, best first; none of them where nothing would do.

    `exact` is False where the steps ran out for some candidate (it is left out), or where no others are known at all.
    `besides` says that the other conflicts have to be solved as well.
    """

    open: Open
    values: tuple[Number, ...]
    exact: bool
    besides: bool
    text: str

    @property
    def paths(self) -> tuple[Path, ...]:
        return (Path(self.open.fixed_by),)


WayOut: TypeAlias = Relax | Release


@dataclass(frozen=True, slots=True)
class Conflict:
    """Constraints that no assignment obeys while `fixed` keep the values set by hand.

    It is smallest: without any one constraint, or with any one of `fixed` released, the rest can be obeyed. `minimal`
    is False where the steps ran out before that was proved; that it conflicts is proved in any case.
    """

    constraints: tuple[Constraint, ...]
    fixed: tuple[Open, ...]
    ways_out: tuple[WayOut, ...]
    minimal: bool = True


@dataclass(frozen=True, slots=True)
class Undecided:
    """Values for which the search ran out of steps: neither settled nor refused."""

    opens: tuple[Open, ...]
    constraints: tuple[Constraint, ...]
    steps: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What was settled, by name; what conflicts; what could not be decided. Values that conflict have no entry."""

    values: Mapping[str, Chosen]
    conflicts: tuple[Conflict, ...] = ()
    undecided: tuple[Undecided, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every value is settled and every constraint holds."""
        return not self.conflicts and not self.undecided
