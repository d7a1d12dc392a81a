"""Terms made flat for the search: a sum of multiples of values, of maxima and of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pgc.terms import Const, Difference, Max, Number, Product, Sum, Term, Var

Domains: TypeAlias = list[tuple[Number, ...]]
State: TypeAlias = tuple[Domains, list[Number], list[Number]]  # candidates left, the least and the greatest of them


@dataclass(frozen=True, slots=True)
class Form:
    """`constant` + multiples of values (by index) + multiples of knots, that is of maxima and products."""

    constant: Number
    linear: tuple[tuple[Number, int], ...] = ()
    knots: tuple[tuple[Number, Greatest | Times], ...] = ()

    def low(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        """Return the least that it can be while each value stays within its interval."""
        total = self.constant
        for factor, i in self.linear:
            total += factor * (lo[i] if factor > 0 else hi[i])
        for factor, knot in self.knots:
            total += factor * (knot.low(lo, hi) if factor > 0 else knot.high(lo, hi))
        return total

    def high(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        """Return the most that it can be while each value stays within its interval."""
        total = self.constant
        for factor, i in self.linear:
            total += factor * (hi[i] if factor > 0 else lo[i])
        for factor, knot in self.knots:
            total += factor * (knot.high(lo, hi) if factor > 0 else knot.low(lo, hi))
        return total

    def narrow(self, limit: Number, state: State, changed: list[int]) -> bool:
        """Drop the candidates with which it could not stay within `limit`; return False where it cannot with any."""
        domains, lo, hi = state
        room = limit - self.low(lo, hi)
        if room < 0:
            return False
        for factor, i in self.linear:
            if abs(factor) * (hi[i] - lo[i]) <= room:
                continue
            if factor > 0:
                most = lo[i] + room / factor
                domains[i] = tuple(value for value in domains[i] if value <= most)
                hi[i] = max(domains[i])
            else:
                least = hi[i] + room / factor
                domains[i] = tuple(value for value in domains[i] if value >= least)
                lo[i] = min(domains[i])
            changed.append(i)
        for factor, knot in self.knots:
            if factor > 0 and isinstance(knot, Greatest):
                ceiling = knot.low(lo, hi) + room / factor
                for part in knot.parts:
                    part.narrow(ceiling, state, changed)
        return True


@dataclass(frozen=True, slots=True)
class Greatest:
    parts: tuple[Form, ...]

    def low(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        return max(part.low(lo, hi) for part in self.parts)

    def high(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        return max(part.high(lo, hi) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Times:
    left: Form
    right: Form

    def low(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        return min(self._corners(lo, hi))

    def high(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        return max(self._corners(lo, hi))

    def _corners(self, lo: Sequence[Number], hi: Sequence[Number]) -> list[Number]:
        right = self.right.low(lo, hi), self.right.high(lo, hi)
        return [a * b for a in (self.left.low(lo, hi), self.left.high(lo, hi)) for b in right]


def form(term: Term, index: Mapping[str, int]) -> Form:
    """Flatten a term; a value that stands on both sides cancels out here, which plain intervals would not see."""
    constants: list[Number] = []
    linear: dict[int, Number] = {}
    knots: dict[Greatest | Times, Number] = {}

    def add(part: Term, factor: Number) -> None:
        match part:
            case Const(value):
                constants.append(factor * value)
            case Var(name):
                linear[index[name]] = linear.get(index[name], 0) + factor
            case Sum(parts):
                for each in parts:
                    add(each, factor)
            case Difference(left, right):
                add(left, factor)
                add(right, -factor)
            case Product(left, right):
                first, second = form(left, index), form(right, index)
                if not first.linear and not first.knots:
                    add(right, factor * first.constant)
                elif not second.linear and not second.knots:
                    add(left, factor * second.constant)
                else:
                    knot = Times(first, second)
                    knots[knot] = knots.get(knot, 0) + factor
            case Max(parts):
                greatest = Greatest(tuple(form(each, index) for each in parts))
                knots[greatest] = knots.get(greatest, 0) + factor
            case _:
                raise TypeError(f"{part!r} is no term that can be settled")

    add(term, 1)
    return Form(
        sum(constants),
        tuple((factor, i) for i, factor in sorted(linear.items()) if factor),
        tuple((factor, knot) for knot, factor in knots.items() if factor),
    )
