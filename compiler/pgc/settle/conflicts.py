"""What conflicts, as small as it can be said, and the ways out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from pgc.diagnostics import Path
from pgc.settle.answers import Conflict, Relax, Release
from pgc.settle.forms import Domains
from pgc.settle.reasons import show, unit_of
from pgc.settle.search import STEPS_TO_EXPLAIN, Budget, OutOfSteps, Space
from pgc.terms import Number, Var


@dataclass(frozen=True, slots=True)
class _Core:
    """A smallest conflict by indexes, and what is given up to get it out of the way of the next."""

    constraints: frozenset[int]
    fixed: frozenset[int]
    minimal: bool
    dropped: frozenset[int]
    released: frozenset[int]


def conflicts_of(space: Space, blamed: frozenset[int]) -> Iterator[Conflict]:
    """Yield the conflicts of a component that has no solution, with the ways out of each."""
    budget = Budget(STEPS_TO_EXPLAIN)
    cores = _cores(space, blamed, budget)
    for core in cores:
        others = [each for each in cores if each is not core]
        dropped = frozenset[int]().union(*(each.dropped for each in others)) - core.constraints
        released = frozenset[int]().union(*(each.released for each in others)) - core.fixed
        elsewhere = (space.everything - dropped, _released(space, released)) if others else None
        soft = [k for k in sorted(core.constraints) if not space.constraints[k].hard]
        yield Conflict(
            tuple(space.constraints[k] for k in sorted(core.constraints)),
            tuple(space.opens[i] for i in sorted(core.fixed)),
            (
                *(_relax(space, k, elsewhere, budget) for k in soft),
                *(_release(space, i, elsewhere, budget) for i in sorted(core.fixed)),
            ),
            core.minimal,
        )


def _cores(space: Space, blamed: frozenset[int], budget: Budget) -> list[_Core]:
    """Find one smallest conflict after the other, each once those before it are out of the way.

    For that a conflict gives up its objectives; where it has none, its values set by hand; where it has none of those
    either, its constraints.
    """
    cores: list[_Core] = []
    alive, released = space.everything, frozenset[int]()
    while True:
        constraints, fixed, minimal = _smallest(space, blamed, released, budget)
        soft = [k for k in constraints if not space.constraints[k].hard]
        if soft:
            dropped = frozenset(each for k in soft for each in _objective(space, k))
        elif fixed:
            dropped = alive - _without(space, alive, fixed)
        else:
            dropped = constraints
        freed = frozenset() if soft else fixed
        cores.append(_Core(constraints, fixed, minimal, dropped, freed))
        alive, released = alive - dropped, released | freed
        try:
            found = space.search(alive, _released(space, released), budget)
        except OutOfSteps:
            return cores
        if found.values is not None:
            return cores
        blamed = found.blamed


def _smallest(
    space: Space, core: frozenset[int], released: frozenset[int], budget: Budget
) -> tuple[frozenset[int], frozenset[int], bool]:
    """Return a smallest conflict within `core`, its constraints and hand-fixed values, and whether that is proved.

    One is left out at a time, and stays out when the rest still conflicts: first a product's rules, then objectives,
    then values set by hand, so that what remains is, as far as there is a choice, what the user can change.
    """
    fixed = frozenset(i for i, each in enumerate(space.opens) if each.fixed_by) - released
    minimal = True
    for k in sorted(core):
        try:
            if k in core:
                found = space.search(core - {k}, _released(space, released), budget)
                core = found.blamed if found.values is None else core
        except OutOfSteps:
            minimal = False
    for i in sorted(fixed):
        try:
            rest = _without(space, core, frozenset((i,)))
            found = space.search(rest, _released(space, released | {i}), budget)
        except OutOfSteps:
            minimal = False
            continue
        if found.values is None:
            core, released, fixed = found.blamed, released | {i}, fixed - {i}
    return core, frozenset(i for i in fixed if any(i in space.uses[k] for k in core)), minimal


def _released(space: Space, released: frozenset[int]) -> Domains:
    """Return the candidates; a released value has those that it would have had, and what it was set to."""
    return [
        tuple(dict.fromkeys((*each.otherwise, *each.candidates))) if i in released else each.candidates
        for i, each in enumerate(space.opens)
    ]


def _without(space: Space, active: frozenset[int], released: frozenset[int]) -> frozenset[int]:
    """Leave out the constraints on a released value of which no other candidates are known: it might be anything."""
    unknown = {i for i in released if not space.opens[i].otherwise}
    return frozenset(k for k in active if not unknown & space.uses[k])


def _objective(space: Space, k: int) -> list[int]:
    """Return all constraints that stand for the same objective: the same limit from the same place in the manifest."""
    one = space.constraints[k]
    return [
        other
        for other, each in enumerate(space.constraints)
        if other == k or (one.paths and not each.hard and each.paths == one.paths and each.right == one.right)
    ]


_Elsewhere: TypeAlias = tuple[frozenset[int], Domains] | None  # what is left once the other conflicts are solved


def _relax(space: Space, k: int, elsewhere: _Elsewhere, budget: Budget) -> Relax:
    """Find out how far an objective has to give when all else stays; failing that, when other conflicts are solved."""
    constraint, group = space.constraints[k], frozenset(_objective(space, k))
    goal = tuple(space.constraints[each] for each in sorted(group))
    besides = False
    over, exact = space.least(goal, space.everything - group, space.home, budget)
    if over is None and elsewhere:
        active, domains = elsewhere
        over, exact = space.least(goal, active - group, domains, budget)
        besides = over is not None
    unit = unit_of(space, constraint)
    limit = None if constraint.right.variables() else constraint.right.evaluate({})
    text = constraint.name if limit is None else f"{constraint.name} {show(limit, unit)}"
    if over is None:
        return Relax(constraint, goal, limit, None, exact, besides, f"{text}: more room alone does not help")
    over = over if exact else max(over, 0)  # that it conflicts is proved, so a lower bound below the limit says nothing
    if limit is not None:
        text += f" → {show(limit + over, unit)} {'reachable' if exact else 'or more'}"
    text += f", {'' if exact else 'at least '}{show(over, unit)} over"
    text += "" if exact else " (a lower bound: the search was stopped)"
    text += ", once the other conflicts are solved" if besides else ""
    return Relax(constraint, goal, limit, over, exact, besides, text)


def _release(space: Space, i: int, elsewhere: _Elsewhere, budget: Budget) -> Release:
    """Find out which other candidates would do; where none does, which would once other conflicts are solved."""
    each = space.opens[i]
    others = [value for value in each.otherwise if value not in each.candidates]
    values, exact = _that_would_do(space, i, others, space.everything, space.home, budget)
    besides = False
    if not values and elsewhere:
        values, exact = _that_would_do(space, i, others, *elsewhere, budget)
        besides = bool(values)
    text = f"{Var(each.name)} {show(each.candidates[0], each.unit)} (set at {Path(each.fixed_by)}): "
    if not others:
        return Release(each, (), False, False, f"{text}no other values are known")
    if not values:
        text += "nothing would do alone" if exact else "nothing was found in time"
        return Release(each, (), exact, False, text)
    shown = [show(value, each.unit) for value in values]
    text += " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) + " would do"
    return Release(each, values, exact, besides, text + (", once the other conflicts are solved" if besides else ""))


def _that_would_do(
    space: Space, i: int, others: Iterable[Number], active: frozenset[int], domains: Domains, budget: Budget
) -> tuple[tuple[Number, ...], bool]:
    """Return the candidates with which the active constraints can be obeyed, and whether all were tried to the end."""
    fitting: list[Number] = []
    exact = True
    for value in others:
        try:
            if space.search(active, [*domains[:i], (value,), *domains[i + 1 :]], budget).values is not None:
                fitting.append(value)
        except OutOfSteps:
            exact = False
    return tuple(fitting), exact
