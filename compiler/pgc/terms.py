"""Arithmetic that is written down before its numbers are known.

A field that depends on an open value holds a Term. Terms are compared by Constraints, bounded while the values are
still open (interval arithmetic), evaluated once they are settled, and printed in the words of the formula.

    bound = var("lock.ttl_s") + 2 * var("lock.loop_s")
    bound.evaluate({"lock.ttl_s": 20, "lock.loop_s": 2})      -> 24
    bound.bounds({"lock.ttl_s": (20, 30), "lock.loop_s": (1, 10)})  -> (22, 50)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

Number: TypeAlias = int | float
Interval: TypeAlias = tuple[Number, Number]

TOLERANCE = 1e-6  # what two sides may differ by and still count as equal: decimal seconds have no exact binary form


class Term:
    """A number, an open value, or a sum, difference, product or maximum of terms. Immutable and hashable."""

    __slots__ = ()

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        """Return the number for settled values. Raises KeyError where a value is not settled."""
        raise NotImplementedError

    def bounds(self, intervals: Mapping[str, Interval]) -> Interval:
        """Return the least and the greatest number that the term can reach while each value stays in its interval."""
        raise NotImplementedError

    def variables(self) -> frozenset[str]:
        """Return the names of the open values it depends on."""
        raise NotImplementedError

    def __add__(self, other: Term | Number) -> Term:
        return Sum((self, term(other)))

    def __radd__(self, other: Number) -> Term:
        return Sum((term(other), self))

    def __sub__(self, other: Term | Number) -> Term:
        return Difference(self, term(other))

    def __rsub__(self, other: Number) -> Term:
        return Difference(term(other), self)

    def __mul__(self, other: Term | Number) -> Term:
        return Product(self, term(other))

    def __rmul__(self, other: Number) -> Term:
        return Product(term(other), self)


@dataclass(frozen=True, slots=True)
class Const(Term):
    """A plain number, finite; 1 rather than 1.0, so that equal terms also print alike.

    Raises:
        ValueError: the number is NaN or infinite.
    """

    value: Number

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", finite(self.value))

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        return self.value

    def bounds(self, intervals: Mapping[str, Interval]) -> Interval:
        return self.value, self.value

    def variables(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Var(Term):
    """An open value, by name."""

    name: str

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        return values[self.name]

    def bounds(self, intervals: Mapping[str, Interval]) -> Interval:
        return intervals[self.name]

    def variables(self) -> frozenset[str]:
        return frozenset((self.name,))

    def __str__(self) -> str:
        return self.name.rpartition(".")[2].removesuffix("_s")


@dataclass(frozen=True, slots=True)
class Sum(Term):
    """The sum of its parts."""

    parts: tuple[Term, ...]

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        return tidy(sum(part.evaluate(values) for part in self.parts))

    def bounds(self, intervals: Mapping[str, Interval]) -> Interval:
        low: Number = 0
        high: Number = 0
        for part in self.parts:
            least, most = part.bounds(intervals)
            low += least
            high += most
        return tidy(low), tidy(high)

    def variables(self) -> frozenset[str]:
        return frozenset().union(*(part.variables() for part in self.parts))

    def __str__(self) -> str:
        return " + ".join(map(str, self.parts)) or "0"


@dataclass(frozen=True, slots=True)
class Difference(Term):
    """`left` − `right`."""

    left: Term
    right: Term

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        return tidy(self.left.evaluate(values) - self.right.evaluate(values))

    def bounds(self, intervals: Mapping[str, Interval]) -> Interval:
        (low, high), (least, most) = self.left.bounds(intervals), self.right.bounds(intervals)
        return tidy(low - most), tidy(high - least)

    def variables(self) -> frozenset[str]:
        return self.left.variables() | self.right.variables()

    def __str__(self) -> str:
        right = f"({self.right})" if isinstance(self.right, (Sum, Difference)) else str(self.right)
        return f"{self.left} − {right}"


@dataclass(frozen=True, slots=True)
class Product(Term):
    """`left` × `right`."""

    left: Term
    right: Term

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        return tidy(self.left.evaluate(values) * self.right.evaluate(values))

    def bounds(self, intervals: Mapping[str, Interval]) -> Interval:
        left, right = self.left.bounds(intervals), self.right.bounds(intervals)
        corners = [tidy(a * b) for a in left for b in right]
        return min(corners), max(corners)

    def variables(self) -> frozenset[str]:
        return self.left.variables() | self.right.variables()

    def __str__(self) -> str:
        return " × ".join(
            f"({side})" if isinstance(side, (Sum, Difference)) else str(side) for side in (self.left, self.right)
        )


@dataclass(frozen=True, slots=True)
class Max(Term):
    """The greatest of its parts: things that happen side by side."""

    parts: tuple[Term, ...]

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        return max(part.evaluate(values) for part in self.parts)

    def bounds(self, intervals: Mapping[str, Interval]) -> Interval:
        ranges = [part.bounds(intervals) for part in self.parts]
        return max(low for low, _ in ranges), max(high for _, high in ranges)

    def variables(self) -> frozenset[str]:
        return frozenset().union(*(part.variables() for part in self.parts))

    def __str__(self) -> str:
        return f"max({', '.join(map(str, self.parts))})"


def term(value: Term | Number) -> Term:
    """Make a term of a number; a term stays as it is."""
    return value if isinstance(value, Term) else Const(value)


def var(name: str) -> Var:
    """Name an open value: `var("lock.ttl_s")`. The part before the dot is the plugin that opened it."""
    return Var(name)


def total(*parts: Term | Number) -> Term:
    """Return the sum of the parts as one flat term; a single part stays itself."""
    return Sum(tuple(map(term, parts))) if len(parts) != 1 else term(parts[0])


def greatest(*parts: Term | Number) -> Term:
    """Return the maximum of the parts as one flat term; a single part stays itself."""
    return Max(tuple(map(term, parts))) if len(parts) != 1 else term(parts[0])


def tidy(number: Number) -> Number:
    """Drop the noise of binary fractions (to the microsecond) and the fraction that is none."""
    if isinstance(number, int):
        return number
    rounded = round(number, 6)
    return int(rounded) if rounded.is_integer() else rounded


def finite(number: Number) -> Number:
    """Return a number as terms hold it: tidy, never a bool.

    Raises:
        ValueError: the number is NaN or infinite, and a comparison with it would mean nothing.
    """
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number to calculate with: a term needs a finite one")
    return tidy(int(number) if isinstance(number, bool) else number)


@dataclass(frozen=True, slots=True)
class Open:
    """A value that is still to be chosen.

    `candidates` is a finite list, best first (the vendor's own default before tighter ones), and `reason` says in a few
    words why the first is the best ("the vendor's default"). `rank` says who keeps its best candidate longest: the
    highest rank gives way first. An open value belongs to the cluster or to a class of hosts, never to one host.
    A value set by hand in the manifest is an Open with one candidate and `fixed_by` naming its path; `otherwise` then
    holds the candidates that it would have had, so that a conflict can say which of them would do.
    """

    name: str
    candidates: tuple[Number, ...]
    rank: int
    unit: str
    reason: str
    fixed_by: tuple[str | int, ...] = ()
    otherwise: tuple[Number, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "candidates", tuple(map(finite, self.candidates)))
        object.__setattr__(self, "otherwise", tuple(map(finite, self.otherwise)))

    def fix(self, value: Number, *path: str | int) -> Open:
        """Return it as set by hand: `value` is the only candidate, `path` the place in the manifest that says so."""
        return replace(self, candidates=(value,), fixed_by=path, otherwise=self.candidates)


@dataclass(frozen=True, slots=True)
class Constraint:
    """`left` ≤ `right`, and why it must be so.

    `name` is the sentence's subject ("leader lock invariant"), `why` the consequence when it does not hold, `paths` the
    manifest paths that take part (an objective, for example), `unit` what both sides are counted in (where empty, the
    unit that its open values share). `hard` constraints are a product's own rules; the others come from the user's
    objectives.
    """

    name: str
    left: Term
    right: Term
    why: str
    paths: tuple[tuple[str | int, ...], ...] = ()
    hard: bool = True
    unit: str = ""

    def variables(self) -> frozenset[str]:
        """Return the names of the open values on both sides."""
        return self.left.variables() | self.right.variables()

    def excess(self, values: Mapping[str, Number]) -> Number:
        """Return by how much `left` exceeds `right` for settled values; negative where there is room."""
        return tidy(self.left.evaluate(values) - self.right.evaluate(values))

    def holds(self, values: Mapping[str, Number]) -> bool:
        """Say whether settled values obey it, to the microsecond."""
        return self.excess(values) <= TOLERANCE
