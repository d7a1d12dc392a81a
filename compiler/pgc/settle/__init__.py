"""Open values and constraints → settled values, or the smallest sets that conflict and what would have to give.

Invariant: the answer is the one best assignment, whatever order the questions came in. Values are put in order of
rank (then name); of all assignments that obey every constraint, the one taken is best in the first value, among those
best in the second, and so on. Pruning and memory only skip work, so they never change the answer. When the steps run
out before the answer is proved, the outcome is `undecided`: nothing is accepted or refused on a guess.

    settle((ttl, loop_wait), (failover <= 30,)).values["lease.ttl_s"].reason
        -> "20 s: with 25 s «failover after host-lost» would be at least 33.5 s, and 30 s is allowed"

The search: a constraint is flattened to `left − right ≤ 0`, a sum of multiples of values, of maxima and of products.
While a value is still open its candidates span an interval; the least that the sum can reach then either refuses the
branch, or leaves room, by which candidates of other values fall away until nothing changes any more. (Bounds
consistency, branch and bound: Rossi, van Beek, Walsh, Handbook of Constraint Programming, chapters 3 and 4; smallest
conflicts by leaving one out at a time: Chinneck, Feasibility and Infeasibility in Optimization, deletion filter.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from pgc.settle.answers import Chosen, Conflict, Relax, Release, Settled, Undecided, WayOut
from pgc.settle.conflicts import conflicts_of
from pgc.settle.reasons import chosen
from pgc.settle.search import STEPS, Budget, OutOfSteps, Space
from pgc.terms import Constraint, Open

__all__ = ["STEPS", "Chosen", "Conflict", "Relax", "Release", "Settled", "Undecided", "WayOut", "settle"]


@lru_cache(maxsize=4096)
def settle(choices: tuple[Open, ...], constraints: tuple[Constraint, ...]) -> Settled:
    """Settle every open value, each connected component by itself.

    Raises:
        LookupError: a constraint uses a value that nobody opened, or a value has no candidates. A plugin's fault, not
            the manifest's.
    """
    opens = {each.name: each for each in choices}
    ordered = _in_order(constraints)
    _refuse_faults(opens, ordered)
    values: dict[str, Chosen] = {}
    conflicts: list[Conflict] = []
    undecided: list[Undecided] = []
    for members, rules in _components(opens, ordered):
        outcome = _settle_component(members, rules)
        values.update(outcome.values)
        conflicts += outcome.conflicts
        undecided += outcome.undecided
    return Settled(MappingProxyType(dict(sorted(values.items()))), tuple(conflicts), tuple(undecided))


def _in_order(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """Drop doubles and order: a product's own rules before objectives, then by name. Formulas only break ties."""
    single = tuple(dict.fromkeys(constraints))
    if len({each.name for each in single}) == len(single):
        return tuple(sorted(single, key=lambda each: (not each.hard, each.name)))
    return tuple(sorted(single, key=lambda each: (not each.hard, each.name, repr(each))))


def _refuse_faults(opens: Mapping[str, Open], constraints: Iterable[Constraint]) -> None:
    for name in sorted(opens):
        if not opens[name].candidates:
            raise LookupError(f"the open value {name} has no candidates")
    for constraint in constraints:
        for name in sorted(constraint.variables() - opens.keys()):
            raise LookupError(f"the constraint «{constraint.name}» uses {name}, which nobody opened")


def _components(
    opens: Mapping[str, Open], constraints: Sequence[Constraint]
) -> Iterator[tuple[tuple[Open, ...], tuple[Constraint, ...]]]:
    """Yield values with the constraints that connect them; constraints without values come first, one by one."""
    ranked = sorted(opens.values(), key=lambda each: (each.rank, each.name))
    leader = {each.name: each.name for each in ranked}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = name = leader[leader[name]]
        return name

    used: list[tuple[Constraint, str]] = []
    for constraint in constraints:
        names = sorted(constraint.variables())
        if not names:
            yield (), (constraint,)
            continue
        used.append((constraint, names[0]))
        for name in names[1:]:
            leader[find(name)] = find(names[0])
    members: dict[str, list[Open]] = {}
    for each in ranked:
        members.setdefault(find(each.name), []).append(each)
    rules: dict[str, list[Constraint]] = {}
    for constraint, name in used:
        rules.setdefault(find(name), []).append(constraint)
    for name, group in members.items():
        yield tuple(group), tuple(rules.get(name, ()))


@lru_cache(maxsize=4096)
def _settle_component(opens: tuple[Open, ...], constraints: tuple[Constraint, ...]) -> Settled:
    """Settle one component; both tuples are in order already."""
    space = Space(opens, constraints)
    budget = Budget(STEPS)
    try:
        found = space.search(space.everything, space.home, budget)
    except OutOfSteps:
        return Settled({}, undecided=(Undecided(opens, constraints, STEPS),))
    if found.values is None:
        return Settled({}, conflicts=tuple(conflicts_of(space, found.blamed)))
    explaining = Budget(STEPS)
    return Settled({each.name: chosen(space, i, found.values, explaining) for i, each in enumerate(opens)})
