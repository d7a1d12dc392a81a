"""The search for the best assignment of one component: interval pruning, then branching in order of rank."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pgc.settle.forms import Domains, Form, State, form
from pgc.terms import TOLERANCE, Constraint, Max, Number, Open, tidy

STEPS = 60_000  # constraints looked at before a search gives up, about 0.2 s; 12 timers need some hundreds
STEPS_TO_EXPLAIN = 240_000  # the same for everything that is said about one component's conflicts


class OutOfSteps(Exception):
    """The search was stopped before it knew."""


class Budget:
    """Steps that are left; a step is one look at one constraint, so the count is the same on every machine."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OutOfSteps


@dataclass(frozen=True, slots=True)
class Found:
    """The best assignment in order of rank, or None; `blamed` are the constraints that ruled out something."""

    values: tuple[Number, ...] | None
    blamed: frozenset[int]


class Space:
    """One component, prepared for many searches over subsets of its constraints and variants of its domains."""

    def __init__(self, opens: tuple[Open, ...], constraints: tuple[Constraint, ...]) -> None:
        self.opens = opens
        self.constraints = constraints
        self.index = {each.name: i for i, each in enumerate(opens)}
        self.home: Domains = [each.candidates for each in opens]
        self.uses = [frozenset(self.index[name] for name in each.variables()) for each in constraints]
        self.watch = [[k for k, used in enumerate(self.uses) if i in used] for i in range(len(opens))]
        self.forms = [form(each.left - each.right, self.index) for each in constraints]
        self.limits = [self._limit(form) for form in self.forms]
        self.everything = frozenset(range(len(constraints)))

    def _limit(self, form: Form) -> Number:
        """Return what pruning tolerates: a little more than the tolerance, as leaves alone are judged by it exactly."""
        lo, hi = [min(each) for each in self.home], [max(each) for each in self.home]
        size = abs(form.constant) + abs(form.low(lo, hi)) + abs(form.high(lo, hi))
        return 2 * TOLERANCE + 1e-12 * size

    def named(self, values: Sequence[Number]) -> dict[str, Number]:
        return {each.name: value for each, value in zip(self.opens, values, strict=True)}

    def search(self, active: frozenset[int], domains: Domains, budget: Budget) -> Found:
        """Find the first assignment in order of rank that obeys the active constraints. Raises OutOfSteps."""
        blamed: set[int] = set()
        root = state_of(domains)
        if not self._propagate(root, active, active, budget, blamed):
            return Found(None, frozenset(blamed))
        pending: list[tuple[State, int, Number | None]] = [(root, 0, None)]
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
                return Found(values, frozenset(blamed))
            blamed.add(broken)
        return Found(None, frozenset(blamed))

    def least(
        self, goal: Sequence[Constraint], active: frozenset[int], domains: Domains, budget: Budget
    ) -> tuple[Number | None, bool]:
        """Return the least excess (left − right, the greatest of the goal's) that assignments can reach which obey the
        active constraints, and True; None where there is none. With False it is only a lower bound.
        """
        aim = form(Max(tuple(each.left - each.right for each in goal)), self.index)
        root = state_of(domains)
        best: Number | None = None
        bound = aim.low(root[1], root[2])
        try:
            if not self._propagate(root, active, active, budget, set()):
                return None, True
            bound = aim.low(root[1], root[2])
            pending: list[tuple[State, int]] = [(root, 0)]
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
        except OutOfSteps:
            return tidy(bound), False
        return best, True

    def _propagate(
        self, state: State, start: Iterable[int], active: Collection[int], budget: Budget, blamed: set[int]
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


def state_of(domains: Domains) -> State:
    return list(domains), [min(each) for each in domains], [max(each) for each in domains]


def _assign(state: State, i: int, value: Number) -> State:
    domains, lo, hi = state[0].copy(), state[1].copy(), state[2].copy()
    domains[i], lo[i], hi[i] = (value,), value, value
    return domains, lo, hi
