"""Open values and constraints → settled values, or the smallest sets that conflict and what would have to give.

Invariant: the answer is the one best assignment, whatever order the questions came in. Values are put in order of
rank (then name); of all assignments that obey every constraint, the one taken is best in the first value, among those
best in the second, and so on. Pruning and memory only skip work, so they never change the answer. When the steps run
out before the answer is proved, the outcome is `undecided`: nothing is accepted or refused on a guess.

    settle((ttl, loop_wait), (failover <= 30,)).values["patroni.ttl_s"].reason
        -> "20 s: with 25 s «failover after host-lost» would be at least 33.5 s, and 30 s is allowed"

The search: a constraint is flattened to `left − right ≤ 0`, a sum of multiples of values, of maxima and of products.
While a value is still open its candidates span an interval; the least that the sum can reach then either refuses the
branch, or leaves room, by which candidates of other values fall away until nothing changes any more. (Bounds
consistency, branch and bound: Rossi, van Beek, Walsh, Handbook of Constraint Programming, chapters 3 and 4; smallest
conflicts by leaving one out at a time: Chinneck, Feasibility and Infeasibility in Optimization, deletion filter.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from pgc.diagnostics import Path
from pgc.terms import TOLERANCE, Const, Constraint, Difference, Max, Number, Open, Product, Sum, Term, Var, tidy

STEPS = 60_000  # constraints looked at before a search gives up, about 0.2 s; 12 timers need some hundreds
STEPS_TO_EXPLAIN = 240_000  # the same for everything that is said about one component's conflicts


# ── what comes out ───────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── order, faults, components ────────────────────────────────────────────────────────────────────────────────────────


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
    space = _Space(opens, constraints)
    budget = _Budget(STEPS)
    try:
        found = space.search(space.everything, space.home, budget)
    except _OutOfSteps:
        return Settled({}, undecided=(Undecided(opens, constraints, STEPS),))
    if found.values is None:
        return Settled({}, conflicts=tuple(_conflicts(space, found.blamed)))
    explaining = _Budget(STEPS)
    return Settled({each.name: _chosen(space, i, found.values, explaining) for i, each in enumerate(opens)})


# ── forms: terms made flat for the search ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Form:
    """`constant` + multiples of values (by index) + multiples of knots, that is of maxima and products."""

    constant: Number
    linear: tuple[tuple[Number, int], ...] = ()
    knots: tuple[tuple[Number, _Greatest | _Times], ...] = ()

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

    def narrow(self, limit: Number, state: _State, changed: list[int]) -> bool:
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
            if factor > 0 and isinstance(knot, _Greatest):
                ceiling = knot.low(lo, hi) + room / factor
                for part in knot.parts:
                    part.narrow(ceiling, state, changed)
        return True


@dataclass(frozen=True, slots=True)
class _Greatest:
    parts: tuple[_Form, ...]

    def low(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        return max(part.low(lo, hi) for part in self.parts)

    def high(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        return max(part.high(lo, hi) for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Times:
    left: _Form
    right: _Form

    def low(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        return min(self._corners(lo, hi))

    def high(self, lo: Sequence[Number], hi: Sequence[Number]) -> Number:
        return max(self._corners(lo, hi))

    def _corners(self, lo: Sequence[Number], hi: Sequence[Number]) -> list[Number]:
        right = self.right.low(lo, hi), self.right.high(lo, hi)
        return [a * b for a in (self.left.low(lo, hi), self.left.high(lo, hi)) for b in right]


def _form(term: Term, index: Mapping[str, int]) -> _Form:
    """Flatten a term; a value that stands on both sides cancels out here, which plain intervals would not see."""
    constants: list[Number] = []
    linear: dict[int, Number] = {}
    knots: dict[_Greatest | _Times, Number] = {}

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
                first, second = _form(left, index), _form(right, index)
                if not first.linear and not first.knots:
                    add(right, factor * first.constant)
                elif not second.linear and not second.knots:
                    add(left, factor * second.constant)
                else:
                    knot = _Times(first, second)
                    knots[knot] = knots.get(knot, 0) + factor
            case Max(parts):
                greatest = _Greatest(tuple(_form(each, index) for each in parts))
                knots[greatest] = knots.get(greatest, 0) + factor
            case _:
                raise TypeError(f"{part!r} is no term that can be settled")

    add(term, 1)
    return _Form(
        sum(constants),
        tuple((factor, i) for i, factor in sorted(linear.items()) if factor),
        tuple((factor, knot) for knot, factor in knots.items() if factor),
    )


# ── the search ───────────────────────────────────────────────────────────────────────────────────────────────────────


_Domains: TypeAlias = list[tuple[Number, ...]]
_State: TypeAlias = tuple[_Domains, list[Number], list[Number]]  # candidates left, the least and the greatest of them


class _OutOfSteps(Exception):
    """The search was stopped before it knew."""


class _Budget:
    """Steps that are left; a step is one look at one constraint, so the count is the same on every machine."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _OutOfSteps


@dataclass(frozen=True, slots=True)
class _Found:
    """The best assignment in order of rank, or None; `blamed` are the constraints that ruled out something."""

    values: tuple[Number, ...] | None
    blamed: frozenset[int]


class _Space:
    """One component, prepared for many searches over subsets of its constraints and variants of its domains."""

    def __init__(self, opens: tuple[Open, ...], constraints: tuple[Constraint, ...]) -> None:
        self.opens = opens
        self.constraints = constraints
        self.index = {each.name: i for i, each in enumerate(opens)}
        self.home: _Domains = [each.candidates for each in opens]
        self.uses = [frozenset(self.index[name] for name in each.variables()) for each in constraints]
        self.watch = [[k for k, used in enumerate(self.uses) if i in used] for i in range(len(opens))]
        self.forms = [_form(each.left - each.right, self.index) for each in constraints]
        self.limits = [self._limit(form) for form in self.forms]
        self.everything = frozenset(range(len(constraints)))

    def _limit(self, form: _Form) -> Number:
        """Return what pruning tolerates: a little more than the tolerance, as leaves alone are judged by it exactly."""
        lo, hi = [min(each) for each in self.home], [max(each) for each in self.home]
        size = abs(form.constant) + abs(form.low(lo, hi)) + abs(form.high(lo, hi))
        return 2 * TOLERANCE + 1e-12 * size

    def named(self, values: Sequence[Number]) -> dict[str, Number]:
        return {each.name: value for each, value in zip(self.opens, values, strict=True)}

    def search(self, active: frozenset[int], domains: _Domains, budget: _Budget) -> _Found:
        """Find the first assignment in order of rank that obeys the active constraints. Raises _OutOfSteps."""
        blamed: set[int] = set()
        root = _state(domains)
        if not self._propagate(root, active, active, budget, blamed):
            return _Found(None, frozenset(blamed))
        pending: list[tuple[_State, int, Number | None]] = [(root, 0, None)]
        while pending:
            state, i, value = pending.pop()
            if value is not None:
                state = _assign(state, i, value)
                if not self._propagate(state, self.watch[i], active, budget, blamed):
                    continue
            while i < len(self.opens) and len(state[0][i]) == 1:
                i += 1
            if i < len(self.opens):
                pending.extend((state, i, each) for each in reversed(state[0][i]))
                continue
            values = tuple(domain[0] for domain in state[0])
            broken = self._first_broken(values, active)
            if broken is None:
                return _Found(values, frozenset(blamed))
            blamed.add(broken)
        return _Found(None, frozenset(blamed))

    def least(
        self, goal: Sequence[Constraint], active: frozenset[int], domains: _Domains, budget: _Budget
    ) -> tuple[Number | None, bool]:
        """Return the least excess (left − right, the greatest of the goal's) that assignments can reach which obey the
        active constraints, and True; None where there is none. With False it is only a lower bound.
        """
        aim = _form(Max(tuple(each.left - each.right for each in goal)), self.index)
        root = _state(domains)
        best: Number | None = None
        bound = aim.low(root[1], root[2])
        try:
            if not self._propagate(root, active, active, budget, set()):
                return None, True
            bound = aim.low(root[1], root[2])
            pending: list[tuple[_State, int]] = [(root, 0)]
            while pending:
                state, i = pending.pop()
                if best is not None and aim.low(state[1], state[2]) > best - TOLERANCE / 2:
                    continue
                while i < len(self.opens) and len(state[0][i]) == 1:
                    i += 1
                if i == len(self.opens):
                    values = tuple(domain[0] for domain in state[0])
                    if self._first_broken(values, active) is None:
                        reached = max(each.excess(self.named(values)) for each in goal)
                        best = reached if best is None else min(best, reached)
                    continue
                branches = [_assign(state, i, value) for value in state[0][i]]
                branches = [each for each in branches if self._propagate(each, self.watch[i], active, budget, set())]
                branches.sort(key=lambda each: aim.low(each[1], each[2]), reverse=True)
                pending.extend((each, i) for each in branches)
        except _OutOfSteps:
            return tidy(bound), False
        return best, True

    def _propagate(
        self, state: _State, start: Iterable[int], active: Collection[int], budget: _Budget, blamed: set[int]
    ) -> bool:
        """Narrow the state until no active constraint rules out any more; return False where one cannot hold."""
        queue = sorted(k for k in start if k in active)
        waiting = set(queue)
        for k in queue:  # grows while it is walked
            waiting.discard(k)
            budget.spend()
            changed: list[int] = []
            if not self.forms[k].narrow(self.limits[k], state, changed):
                blamed.add(k)
                return False
            if changed:
                blamed.add(k)
                for i in changed:
                    for other in self.watch[i]:
                        if other != k and other in active and other not in waiting:
                            waiting.add(other)
                            queue.append(other)
        return True

    def _first_broken(self, values: Sequence[Number], active: frozenset[int]) -> int | None:
        named = self.named(values)
        return next((k for k in sorted(active) if not self.constraints[k].holds(named)), None)


def _state(domains: _Domains) -> _State:
    return list(domains), [min(each) for each in domains], [max(each) for each in domains]


def _assign(state: _State, i: int, value: Number) -> _State:
    domains, lo, hi = state[0].copy(), state[1].copy(), state[2].copy()
    domains[i], lo[i], hi[i] = (value,), value, value
    return domains, lo, hi


# ── why a value was taken ────────────────────────────────────────────────────────────────────────────────────────────


def _chosen(space: _Space, i: int, values: Sequence[Number], budget: _Budget) -> Chosen:
    """Say why a value was taken; the candidate next to it that is better is the one to be refused."""
    each, value = space.opens[i], values[i]
    if each.fixed_by:
        return Chosen(value, each, "set in the manifest", (Path(each.fixed_by),))
    shown = _show(value, each.unit)
    place = each.candidates.index(value)
    if place == 0:
        return Chosen(value, each, f"{shown}, {each.reason}")
    better = each.candidates[place - 1]
    domains: _Domains = [*((known,) for known in values[:i]), (better,), *space.home[i + 1 :]]
    why, culprits = _refusal(space, i, domains, budget)
    return Chosen(value, each, f"{shown}: with {_show(better, each.unit)} {why}", _paths(space, culprits))


def _refusal(space: _Space, i: int, domains: _Domains, budget: _Budget) -> tuple[str, list[int]]:
    """Say what refuses these domains: one constraint with its bound, or else the fewest that cannot hold together."""
    _, lo, hi = _state(domains)
    for k in space.watch[i]:
        if space.forms[k].low(lo, hi) > space.limits[k]:
            return _beyond(space, space.constraints[k], lo, hi), [k]
    culprits: list[int] = []
    try:
        culprits = sorted(_fewest(space, space.search(space.everything, domains, budget).blamed, domains, budget))
    except _OutOfSteps:
        return "no values are left for the others", []
    names = [f"«{space.constraints[k].name}»" for k in culprits]
    if len(names) == 1:
        return f"{names[0]} cannot hold", culprits
    return f"{', '.join(names[:-1])} and {names[-1]} cannot hold together", culprits


def _beyond(space: _Space, constraint: Constraint, lo: Sequence[Number], hi: Sequence[Number]) -> str:
    intervals = {each.name: (lo[i], hi[i]) for i, each in enumerate(space.opens)}
    unit = _unit(space, constraint)
    least, (fewest, most) = constraint.left.bounds(intervals)[0], constraint.right.bounds(intervals)
    if least <= most:  # a value stands on both sides: only their difference shows it
        return f"«{constraint.name}» cannot hold"
    allowed = _show(most, unit) if fewest == most else f"at most {_show(most, unit)}"
    return f"«{constraint.name}» would be at least {_show(least, unit)}, and {allowed} is allowed"


def _fewest(space: _Space, active: frozenset[int], domains: _Domains, budget: _Budget) -> frozenset[int]:
    """Drop constraints that a conflict does not need, the product's own rules first. Raises _OutOfSteps."""
    for k in sorted(active):
        if k in active:
            found = space.search(active - {k}, domains, budget)
            if found.values is None:
                active = found.blamed
    return active


def _paths(space: _Space, culprits: Iterable[int]) -> tuple[Path, ...]:
    """Collect the manifest paths of constraints, and of the values set by hand that they use."""
    paths: dict[Path, None] = {}
    for k in culprits:
        paths.update((Path(each), None) for each in space.constraints[k].paths)
        paths.update(
            (Path(space.opens[i].fixed_by), None) for i in sorted(space.uses[k]) if space.opens[i].fixed_by
        )
    return tuple(paths)


def _unit(space: _Space, constraint: Constraint) -> str:
    units = {space.opens[space.index[name]].unit for name in constraint.variables()}
    return constraint.unit or (units.pop() if len(units) == 1 else "")


def _show(number: Number, unit: str) -> str:
    return f"{tidy(number)} {unit}".rstrip()


# ── what conflicts, and the ways out ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Core:
    """A smallest conflict by indexes, and what is given up to get it out of the way of the next."""

    constraints: frozenset[int]
    fixed: frozenset[int]
    minimal: bool
    dropped: frozenset[int]
    released: frozenset[int]


def _conflicts(space: _Space, blamed: frozenset[int]) -> Iterator[Conflict]:
    """Yield the conflicts of a component that has no solution, with the ways out of each."""
    budget = _Budget(STEPS_TO_EXPLAIN)
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


def _cores(space: _Space, blamed: frozenset[int], budget: _Budget) -> list[_Core]:
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
        except _OutOfSteps:
            return cores
        if found.values is not None:
            return cores
        blamed = found.blamed


def _smallest(
    space: _Space, core: frozenset[int], released: frozenset[int], budget: _Budget
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
        except _OutOfSteps:
            minimal = False
    for i in sorted(fixed):
        try:
            rest = _without(space, core, frozenset((i,)))
            found = space.search(rest, _released(space, released | {i}), budget)
        except _OutOfSteps:
            minimal = False
            continue
        if found.values is None:
            core, released, fixed = found.blamed, released | {i}, fixed - {i}
    return core, frozenset(i for i in fixed if any(i in space.uses[k] for k in core)), minimal


def _released(space: _Space, released: frozenset[int]) -> _Domains:
    """Return the candidates; a released value has those that it would have had, and what it was set to."""
    return [
        tuple(dict.fromkeys((*each.otherwise, *each.candidates))) if i in released else each.candidates
        for i, each in enumerate(space.opens)
    ]


def _without(space: _Space, active: frozenset[int], released: frozenset[int]) -> frozenset[int]:
    """Leave out the constraints on a released value of which no other candidates are known: it might be anything."""
    unknown = {i for i in released if not space.opens[i].otherwise}
    return frozenset(k for k in active if not unknown & space.uses[k])


def _objective(space: _Space, k: int) -> list[int]:
    """Return all constraints that stand for the same objective: the same limit from the same place in the manifest."""
    one = space.constraints[k]
    return [
        other
        for other, each in enumerate(space.constraints)
        if other == k or (one.paths and not each.hard and each.paths == one.paths and each.right == one.right)
    ]


_Elsewhere: TypeAlias = tuple[frozenset[int], _Domains] | None  # what is left once the other conflicts are solved


def _relax(space: _Space, k: int, elsewhere: _Elsewhere, budget: _Budget) -> Relax:
    """Find out how far an objective has to give when all else stays; failing that, when other conflicts are solved."""
    constraint, group = space.constraints[k], frozenset(_objective(space, k))
    goal = tuple(space.constraints[each] for each in sorted(group))
    besides = False
    over, exact = space.least(goal, space.everything - group, space.home, budget)
    if over is None and elsewhere:
        active, domains = elsewhere
        over, exact = space.least(goal, active - group, domains, budget)
        besides = over is not None
    unit = _unit(space, constraint)
    limit = None if constraint.right.variables() else constraint.right.evaluate({})
    text = constraint.name if limit is None else f"{constraint.name} {_show(limit, unit)}"
    if over is None:
        return Relax(constraint, goal, limit, None, exact, besides, f"{text}: more room alone does not help")
    over = over if exact else max(over, 0)  # that it conflicts is proved, so a lower bound below the limit says nothing
    if limit is not None:
        text += f" → {_show(limit + over, unit)} {'reachable' if exact else 'or more'}"
    text += f", {'' if exact else 'at least '}{_show(over, unit)} over"
    text += "" if exact else " (a lower bound: the search was stopped)"
    text += ", once the other conflicts are solved" if besides else ""
    return Relax(constraint, goal, limit, over, exact, besides, text)


def _release(space: _Space, i: int, elsewhere: _Elsewhere, budget: _Budget) -> Release:
    """Find out which other candidates would do; where none does, which would once other conflicts are solved."""
    each = space.opens[i]
    others = [value for value in each.otherwise if value not in each.candidates]
    values, exact = _that_would_do(space, i, others, space.everything, space.home, budget)
    besides = False
    if not values and elsewhere:
        values, exact = _that_would_do(space, i, others, *elsewhere, budget)
        besides = bool(values)
    text = f"{Var(each.name)} {_show(each.candidates[0], each.unit)} (set at {Path(each.fixed_by)}): "
    if not others:
        return Release(each, (), False, False, f"{text}no other values are known")
    if not values:
        text += "nothing would do alone" if exact else "nothing was found in time"
        return Release(each, (), exact, False, text)
    shown = [_show(value, each.unit) for value in values]
    text += " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) + " would do"
    return Release(each, values, exact, besides, text + (", once the other conflicts are solved" if besides else ""))


def _that_would_do(
    space: _Space, i: int, others: Iterable[Number], active: frozenset[int], domains: _Domains, budget: _Budget
) -> tuple[tuple[Number, ...], bool]:
    """Return the candidates with which the active constraints can be obeyed, and whether all were tried to the end."""
    fitting: list[Number] = []
    exact = True
    for value in others:
        try:
            if space.search(active, [*domains[:i], (value,), *domains[i + 1 :]], budget).values is not None:
                fitting.append(value)
        except _OutOfSteps:
            exact = False
    return tuple(fitting), exact
