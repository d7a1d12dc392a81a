"""Why a value was taken and not a better one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pgc.diagnostics import Path
from pgc.settle.answers import Chosen
from pgc.settle.forms import Domains
from pgc.settle.search import Budget, OutOfSteps, Space, state_of
from pgc.terms import Constraint, Number, tidy


def chosen(space: Space, i: int, values: Sequence[Number], budget: Budget) -> Chosen:
    """Say why a value was taken; the candidate next to it that is better is the one to be refused."""
    each, value = space.opens[i], values[i]
    if each.fixed_by:
        return Chosen(value, each, "set in the manifest", (Path(each.fixed_by),))
    shown = show(value, each.unit)
    place = each.candidates.index(value)
    if place == 0:
        return Chosen(value, each, f"{shown}, {each.reason}")
    better = each.candidates[place - 1]
    domains: Domains = [*((known,) for known in values[:i]), (better,), *space.home[i + 1 :]]
    why, culprits = _refusal(space, i, domains, budget)
    return Chosen(value, each, f"{shown}: with {show(better, each.unit)} {why}", _paths(space, culprits))


def _refusal(space: Space, i: int, domains: Domains, budget: Budget) -> tuple[str, list[int]]:
    """Say what refuses these domains: one constraint with its bound, or else the fewest that cannot hold together."""
    _, lo, hi = state_of(domains)
    for k in space.watch[i]:
        if space.forms[k].low(lo, hi) > space.limits[k]:
            return _beyond(space, space.constraints[k], lo, hi), [k]
    culprits: list[int] = []
    try:
        culprits = sorted(fewest(space, space.search(space.everything, domains, budget).blamed, domains, budget))
    except OutOfSteps:
        return "no values are left for the others", []
    names = [f"«{space.constraints[k].name}»" for k in culprits]
    if len(names) == 1:
        return f"{names[0]} cannot hold", culprits
    return f"{', '.join(names[:-1])} and {names[-1]} cannot hold together", culprits


def _beyond(space: Space, constraint: Constraint, lo: Sequence[Number], hi: Sequence[Number]) -> str:
    intervals = {each.name: (lo[i], hi[i]) for i, each in enumerate(space.opens)}
    unit = unit_of(space, constraint)
    least, (fewest, most) = constraint.left.bounds(intervals)[0], constraint.right.bounds(intervals)
    if least <= most:  # a value stands on both sides: only their difference shows it
        return f"«{constraint.name}» cannot hold"
    allowed = show(most, unit) if fewest == most else f"at most {show(most, unit)}"
    return f"«{constraint.name}» would be at least {show(least, unit)}, and {allowed} is allowed"


def fewest(space: Space, active: frozenset[int], domains: Domains, budget: Budget) -> frozenset[int]:
    """Drop constraints that a conflict does not need, the product's own rules first. Raises OutOfSteps."""
    for k in sorted(active):
        if k in active:
            found = space.search(active - {k}, domains, budget)
            if found.values is None:
                active = found.blamed
    return active


def _paths(space: Space, culprits: Iterable[int]) -> tuple[Path, ...]:
    """Collect the manifest paths of constraints, and of the values set by hand that they use."""
    paths: dict[Path, None] = {}
    for k in culprits:
        paths.update((Path(each), None) for each in space.constraints[k].paths)
        paths.update((Path(space.opens[i].fixed_by), None) for i in sorted(space.uses[k]) if space.opens[i].fixed_by)
    return tuple(paths)


def unit_of(space: Space, constraint: Constraint) -> str:
    units = {space.opens[space.index[name]].unit for name in constraint.variables()}
    return constraint.unit or (units.pop() if len(units) == 1 else "")


def show(number: Number, unit: str) -> str:
    return f"{tidy(number)} {unit}".rstrip()
