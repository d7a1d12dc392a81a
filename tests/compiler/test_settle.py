"""Settling open values: the failover arithmetic by example, the resolver's invariant by property."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pgc.diagnostics import path
from pgc.settle import STEPS, Conflict, Relax, Release, Settled, settle
from pgc.settle import conflicts as room
from pgc.terms import Constraint, Number, Open, Term, greatest, term, total, var

DEFAULT = "the vendor's default"
OBJECTIVE = ("objectives", "failover_s")


def timer(name: str, *candidates: Number, rank: int = 0) -> Open:
    return Open(name, candidates, rank, "s", DEFAULT)


TTL = timer("patroni.ttl_s", 30, 25, 20, rank=10)
LOOP = timer("patroni.loop_wait_s", 10, 5, 2, 1, rank=20)
RETRY = timer("patroni.retry_timeout_s", 10, 6, 5, 3, rank=30)
DELAY = timer("postgres.standby_delay_s", 30, 10, 5, 1, rank=40)
LOGIN = timer("pgbouncer.login_retry_s", 15, 5, 1, rank=50)
INTER = timer("haproxy.downinter_s", 3, 2, 1, rank=60)
FAST = timer("haproxy.fastinter_s", 1, 0.5, rank=70)
START = timer("patroni.start_timeout_s", 300, 60, 25, 10, rank=80)
TIMERS = (TTL, LOOP, RETRY, DELAY, LOGIN, INTER, FAST, START)

AFTERWARDS = greatest(var(DELAY.name), total(1, var(INTER.name), 2 * var(FAST.name))) + var(LOGIN.name)
HOST_LOST = total(var(TTL.name), 0.5, var(LOOP.name), 2, AFTERWARDS)
CRASHED = total(2 * var(LOOP.name), var(START.name), 2, AFTERWARDS)
LOCK = Constraint(
    "leader lock invariant", var(LOOP.name) + 2 * var(RETRY.name), var(TTL.name), "Patroni would rewrite loop_wait"
)


def at_most(name: str, left: Term, limit: Term | Number, *paths: tuple[str | int, ...]) -> Constraint:
    return Constraint(name, left, term(limit), "promised", paths, hard=False)


def failover(limit: Number) -> Constraint:
    return at_most("failover after host-lost", HOST_LOST, limit, OBJECTIVE)


def crash(limit: Number) -> Constraint:
    return at_most("failover after a crash", CRASHED, limit, OBJECTIVE)


CLOSED = at_most("nothing open", term(5), 3, ("limit",))


def numbers(settled: Settled) -> dict[str, Number]:
    return {name.partition(".")[2].removesuffix("_s"): chosen.value for name, chosen in settled.values.items()}


def only(settled: Settled) -> Conflict:
    (conflict,) = settled.conflicts
    return conflict


# ── the failover arithmetic ──────────────────────────────────────────────────────────────────────────────────────────


def test_generous_objective_leaves_the_vendors_defaults() -> None:
    settled = settle(TIMERS, (LOCK, failover(120)))
    assert settled.complete
    assert all(settled.values[each.name].value == each.candidates[0] for each in TIMERS)
    assert settled.values[TTL.name].reason == "30 s, the vendor's default"


@pytest.mark.parametrize(
    ("limit", "tight"),
    [
        (30, {"ttl": 20, "loop_wait": 2, "retry_timeout": 6, "standby_delay": 1, "login_retry": 1}),
        (28, {"ttl": 20, "loop_wait": 1, "retry_timeout": 6, "standby_delay": 1, "login_retry": 1}),
    ],
)
def test_tight_objective_gives_tight_values(limit: int, tight: dict[str, Number]) -> None:
    settled = settle(TIMERS, (LOCK, failover(limit)))
    assert settled.complete
    assert numbers(settled).items() >= tight.items()
    assert HOST_LOST.evaluate({name: chosen.value for name, chosen in settled.values.items()}) <= limit


def test_impossible_objective_is_refused_with_what_could_be_reached() -> None:
    settled = settle(TIMERS, (LOCK, failover(15)))
    conflict = only(settled)
    assert conflict.constraints == (failover(15),)
    assert (conflict.fixed, conflict.minimal) == ((), True)
    assert list(settled.values) == [START.name]  # nothing connects it with the conflict
    (way,) = conflict.ways_out
    assert isinstance(way, Relax)
    assert (way.limit, way.reachable, way.over, way.exact) == (15, 27.5, 12.5, True)
    assert way.text == "failover after host-lost 15 s → 27.5 s reachable, 12.5 s over"
    assert way.paths == (path(*OBJECTIVE),)


def test_what_is_called_reachable_is_reached_and_nothing_below_it() -> None:
    assert settle(TIMERS, (LOCK, failover(27.5))).complete
    assert settle(TIMERS, (LOCK, failover(27.4))).conflicts


def test_figure_holds_for_all_faults_that_one_objective_covers() -> None:
    settled = settle(TIMERS, (LOCK, failover(15), crash(15)))
    ways = [way for conflict in settled.conflicts for way in conflict.ways_out]
    assert {way.reachable for way in ways if isinstance(way, Relax)} == {27.5}
    assert settle(TIMERS, (LOCK, failover(27.5), crash(27.5))).complete


def test_equal_sides_are_within_the_limit() -> None:
    exact = at_most("sum", var("a.x_s") + var("a.y_s"), 0.3)
    assert settle((timer("a.x_s", 0.1), timer("a.y_s", 0.2)), (exact,)).complete
    assert settle((timer("a.x_s", 0.1), timer("a.y_s", 0.20001)), (exact,)).conflicts


# ── why a value was taken ────────────────────────────────────────────────────────────────────────────────────────────


def test_reason_names_the_constraint_that_refused_the_next_better_candidate() -> None:
    settled = settle(TIMERS, (LOCK, failover(30)))
    chosen = settled.values[TTL.name]
    assert chosen.reason == "20 s: with 25 s «failover after host-lost» would be at least 32.5 s, and 30 s is allowed"
    assert chosen.paths == (path(*OBJECTIVE),)
    lock = settled.values[RETRY.name]
    assert lock.reason == "6 s: with 10 s «leader lock invariant» would be at least 22 s, and 20 s is allowed"


def test_reason_names_all_constraints_that_together_refuse_a_candidate() -> None:
    x, y = timer("a.x_s", 3, 1), timer("a.y_s", 1, 2, rank=1)
    sum_ = at_most("sum", var(x.name) + var(y.name), 4, ("sum",))
    near = at_most("near", var(x.name), 1 + var(y.name), ("near",))
    chosen = settle((x, y), (sum_, near)).values[x.name]
    assert chosen.reason == "1 s: with 3 s «near» and «sum» cannot hold together"
    assert chosen.paths == (path("near"), path("sum"))


def test_reason_says_at_most_where_the_limit_is_still_open() -> None:
    x, y = timer("a.x_s", 4, 1), timer("a.y_s", 1, 2, rank=1)
    near = at_most("near", var(x.name), 1 + var(y.name), ("near",))
    chosen = settle((x, y), (near,)).values[x.name]
    assert chosen.reason == "1 s: with 4 s «near» would be at least 4 s, and at most 3 s is allowed"


def test_value_set_by_hand_is_said_to_be() -> None:
    settled = settle((TTL.fix(25, "patroni", "ttl"), LOOP, RETRY), (LOCK,))
    assert settled.values[TTL.name].reason == "set in the manifest"
    assert settled.values[TTL.name].paths == (path("patroni", "ttl"),)
    chosen = settled.values[RETRY.name]
    assert chosen.reason == "6 s: with 10 s «leader lock invariant» would be at least 30 s, and 25 s is allowed"
    assert chosen.paths == (path("patroni", "ttl"),)


def test_unit_is_left_out_where_values_have_different_ones() -> None:
    size = Open("a.size", (20, 10), 0, "MB", DEFAULT)
    mixed = at_most("budget", var("a.size") * var("a.x_s"), 30)
    chosen = settle((size, timer("a.x_s", 2)), (mixed,)).values["a.size"]
    assert chosen.reason == "10 MB: with 20 MB «budget» would be at least 40, and 30 is allowed"
    chosen = settle((size, timer("a.x_s", 2)), (replace(mixed, unit="MB·s"),)).values["a.size"]
    assert chosen.reason == "10 MB: with 20 MB «budget» would be at least 40 MB·s, and 30 MB·s is allowed"


# ── conflicts and the ways out ───────────────────────────────────────────────────────────────────────────────────────


def test_value_set_by_hand_that_breaks_an_objective_is_named_with_what_would_do() -> None:
    ttl = TTL.fix(60, "patroni", "ttl")
    conflict = only(settle((ttl, *TIMERS[1:]), (LOCK, failover(32))))
    assert (conflict.constraints, conflict.fixed) == ((failover(32),), (ttl,))
    relax, release = conflict.ways_out
    assert relax.text == "failover after host-lost 32 s → 67.5 s reachable, 35.5 s over"
    assert isinstance(release, Release)
    assert (release.values, release.exact, release.paths) == ((20,), True, (path("patroni", "ttl"),))
    assert release.text == "ttl 60 s (set at patroni.ttl): 20 s would do"


def test_several_candidates_that_would_do_are_listed_best_first() -> None:
    conflict = only(settle((TTL.fix(60, "ttl"), *TIMERS[1:]), (LOCK, failover(45))))
    assert conflict.ways_out[1].text == "ttl 60 s (set at ttl): 30 s, 25 s or 20 s would do"


def test_value_set_by_hand_that_is_not_at_fault_is_not_named() -> None:
    conflict = only(settle((TTL, LOOP.fix(1, "loop"), *TIMERS[2:]), (LOCK, failover(15))))
    assert conflict.fixed == ()


def test_either_of_two_values_set_by_hand_may_give_way() -> None:
    x, y = timer("a.x_s", 3, 1).fix(9, "x"), timer("a.y_s", 3, 1).fix(9, "y")
    conflict = only(settle((x, y), (at_most("sum", var("a.x_s") + var("a.y_s"), 10),)))
    assert conflict.fixed == (x, y)
    assert [way.text for way in conflict.ways_out if isinstance(way, Release)] == [
        "x 9 s (set at x): 1 s would do",
        "y 9 s (set at y): 1 s would do",
    ]


def test_value_that_breaks_an_objective_whatever_the_others_are_is_named_alone() -> None:
    x, y = timer("a.x_s", 3, 1).fix(9, "x"), timer("a.y_s", 3, 1).fix(9, "y")
    conflict = only(settle((x, y), (at_most("sum", var("a.x_s") + var("a.y_s"), 9.5),)))
    assert conflict.fixed == (y,)
    assert conflict.ways_out[1].text == "y 9 s (set at y): nothing would do alone"


def test_value_set_by_hand_without_other_candidates_is_still_named() -> None:
    ttl = Open(TTL.name, (60,), 10, "s", DEFAULT, ("patroni", "ttl"))
    conflict = only(settle((ttl, *TIMERS[1:]), (LOCK, failover(30))))
    assert conflict.fixed == (ttl,)
    assert conflict.ways_out[1].text == "ttl 60 s (set at patroni.ttl): no other values are known"


def test_rule_of_a_product_broken_by_hand_names_the_values_and_no_objective() -> None:
    ttl, retry = TTL.fix(20, "ttl"), RETRY.fix(10, "retry")
    conflict = only(settle((ttl, LOOP, retry), (LOCK, at_most("loop", var(LOOP.name), 10))))
    assert (conflict.constraints, conflict.fixed) == ((LOCK,), (ttl, retry))
    assert [way.text for way in conflict.ways_out] == [
        "ttl 20 s (set at ttl): 30 s or 25 s would do",
        "retry_timeout 10 s (set at retry): 6 s, 5 s or 3 s would do",
    ]


def test_conflicts_of_separate_components_are_all_reported_and_the_rest_is_settled() -> None:
    x, y, z = timer("a.x_s", 5), timer("b.y_s", 7), timer("c.z_s", 1)
    settled = settle((x, y, z), (at_most("y", var(y.name), 6), at_most("x", var(x.name), 3), CLOSED))
    assert [conflict.constraints[0].name for conflict in settled.conflicts] == ["nothing open", "x", "y"]
    assert list(settled.values) == ["c.z_s"]
    assert not settled.complete


def test_constraint_without_open_values_is_checked() -> None:
    assert settle((), (at_most("fine", term(3), 3),)).complete
    assert only(settle((), (CLOSED,))).ways_out[0].text == "nothing open 3 → 5 reachable, 2 over"


def test_two_objectives_broken_within_one_component_are_both_reported_with_figures_that_help() -> None:
    x = timer("a.x_s", 5)
    rules = (at_most("one", var(x.name), 3, ("one",)), at_most("two", 2 * var(x.name), 4, ("two",)))
    settled = settle((x,), rules)
    assert [way.text for conflict in settled.conflicts for way in conflict.ways_out] == [
        "one 3 s → 5 s reachable, 2 s over, once the other conflicts are solved",
        "two 4 s → 10 s reachable, 6 s over, once the other conflicts are solved",
    ]


def test_rules_that_contradict_each_other_have_no_way_out() -> None:
    x = timer("a.x_s", 5, 3)
    low, high = Constraint("low", var(x.name), term(4), ""), Constraint("high", term(4.5), var(x.name), "")
    conflict = only(settle((x,), (low, high)))
    assert (conflict.constraints, conflict.ways_out) == ((high, low), ())


# ── faults and limits ────────────────────────────────────────────────────────────────────────────────────────────────


def test_value_that_nobody_opened_is_named_with_the_constraint() -> None:
    with pytest.raises(LookupError, match=r"«leader lock invariant» uses patroni\.loop_wait_s, which nobody opened"):
        settle((TTL,), (LOCK,))


def test_value_without_candidates_is_named() -> None:
    with pytest.raises(LookupError, match=r"a\.x_s has no candidates"):
        settle((timer("a.x_s"),), ())


def pigeons(count: int) -> tuple[tuple[Open, ...], tuple[Constraint, ...]]:
    """More values than numbers, and all must differ: intervals see nothing of it, only trying everything does."""
    opens = tuple(timer(f"a.v{i}_s", *range(count - 1)) for i in range(count))
    rules = tuple(
        Constraint(f"{i} is not {j}", 1 - square(var(one.name) - var(two.name)), term(0), "")
        for (i, one), (j, two) in itertools.combinations(enumerate(opens), 2)
    )
    return opens, rules


def square(of: Term) -> Term:
    return of * of


def test_search_that_runs_out_of_steps_is_undecided_and_accepts_nothing() -> None:
    opens, rules = pigeons(9)
    free = timer("b.free_s", 1)
    settled = settle((*opens, free), rules)
    assert list(settled.values) == ["b.free_s"]
    assert (settled.conflicts, settled.complete) == ((), False)
    (undecided,) = settled.undecided
    assert (undecided.opens, undecided.steps) == (opens, STEPS)
    assert set(undecided.constraints) == set(rules)


def test_figure_that_was_not_searched_to_the_end_is_called_a_lower_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "STEPS_TO_EXPLAIN", 0)
    x, y = timer("a.minimality_s", 5, 4), timer("a.y_s", 1)
    y_small = Constraint("y", var(y.name), term(2), "")
    conflict = only(settle((x, y), (at_most("x", var(x.name) + var(y.name), 3), y_small)))
    assert conflict.minimal  # pruning blamed one constraint: there is nothing to leave out
    (way,) = conflict.ways_out
    assert isinstance(way, Relax)
    assert (way.reachable, way.exact) == (5, False)
    assert way.text == "x 3 s → 5 s or more, at least 2 s over (a lower bound: the search was stopped)"


def test_conflict_that_could_not_be_made_smaller_in_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "STEPS_TO_EXPLAIN", 0)
    conflict = only(settle(*pigeons(3)))
    assert not conflict.minimal
    assert len(conflict.constraints) == 3


def twelve_timers(limit: Number, mark: str) -> tuple[tuple[Open, ...], tuple[Constraint, ...]]:
    """The eight timers and four more with up to eight candidates; 25 constraints."""
    more = tuple(timer(f"more.t{i}{mark}_s", 60, 40, 30, 20, 10, 5, 2, 1, rank=90 + i) for i in range(4))
    names = [var(each.name) for each in (*TIMERS, *more)]
    rules = [LOCK, failover(limit), crash(limit)]
    rules += [
        Constraint(f"floor {i}", names[i] + 2, names[0] + names[(i + 1) % 12] + 5, "") for i in range(8, 12)
    ]
    rules += [Constraint(f"order {i}", names[i], 20 * names[i + 1], "") for i in range(7, 11)]
    rules += [at_most(f"sum {i}", names[i] + names[i - 1] + names[1], 2 * limit, (f"o{i}",)) for i in range(1, 12)]
    rules += [at_most(f"pair {i}", greatest(names[i], names[11]) + names[2], limit, (f"p{i}",)) for i in range(8, 11)]
    return (*TIMERS, *more), tuple(rules)


@pytest.mark.parametrize("limit", [120, 60, 30, 28])
def test_twelve_timers_are_settled_in_milliseconds(limit: int) -> None:
    took = []
    for attempt in range(5):
        opens, rules = twelve_timers(limit, f"x{attempt}")
        assert len(opens) == 12
        assert len(rules) == 25
        began = time.process_time()
        settled = settle(opens, rules)
        took.append(time.process_time() - began)
        assert settled.complete
    assert min(took) < 0.008


def test_equal_questions_are_answered_once() -> None:
    first = settle(TIMERS, (LOCK, failover(31)))
    again = tuple(replace(each, candidates=tuple(map(float, each.candidates))) for each in TIMERS)
    assert settle(again, (replace(LOCK), failover(31.0))) is first


# ── the invariant ────────────────────────────────────────────────────────────────────────────────────────────────────

Problem = tuple[tuple[Open, ...], tuple[Constraint, ...]]


VALUES = st.integers(-3, 12) | st.integers(0, 20).map(lambda halves: halves / 2)


@lru_cache
def formulas(count: int) -> st.SearchStrategy[Term]:
    """Formulas over the first few values: sums, maxima, differences, products."""
    return st.recursive(
        st.integers(0, count - 1).map(lambda i: var(f"p.v{i}_s")) | VALUES.map(term),
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: total(*parts)),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: greatest(*parts)),
            st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
            st.tuples(st.integers(-2, 3), inner).map(lambda pair: pair[0] * pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        ),
        max_leaves=5,
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Up to four values, some of them set by hand (with or without known others), and up to five constraints."""
    count = draw(st.integers(1, 4))
    opens = []
    for i in range(count):
        candidates = draw(st.lists(VALUES, min_size=1, max_size=4, unique=True))
        each = Open(f"p.v{i}_s", tuple(candidates), draw(st.integers(0, 2)), "s", DEFAULT)
        if draw(st.integers(0, 3)) == 0:
            each = each.fix(draw(VALUES), "set", i)
            each = each if draw(st.booleans()) else replace(each, otherwise=())
        opens.append(each)
    rules = []
    for k in range(draw(st.integers(1, 5))):
        left, right = draw(formulas(count)), draw(VALUES.map(term) | formulas(count))
        paths = draw(st.sampled_from([(), (("objective",),)]))
        rules.append(Constraint(f"c{k}", left, right, "", paths, draw(st.booleans())))
    return tuple(opens), tuple(rules)


def assignments(opens: Iterable[Open], released: Iterable[Open] = ()) -> Iterable[dict[str, Number]]:
    """All assignments, the best in order of rank first."""
    ranked = sorted(opens, key=lambda each: (each.rank, each.name))
    domains = [(*each.otherwise, *each.candidates) if each in released else each.candidates for each in ranked]
    for values in itertools.product(*domains):
        yield {each.name: value for each, value in zip(ranked, values, strict=True)}


def obeyed(rules: Iterable[Constraint], values: Mapping[str, Number]) -> bool:
    return all(rule.holds(values) for rule in rules)


def satisfiable(opens: tuple[Open, ...], rules: Iterable[Constraint], kept: Iterable[Open]) -> bool:
    """Whether the rules can be obeyed while only the kept ones of the hand-fixed values keep their value."""
    released = [each for each in opens if each.fixed_by and each not in kept]
    anything = {each.name for each in released if not each.otherwise}
    rules = [rule for rule in rules if not anything & rule.variables()]
    return any(obeyed(rules, values) for values in assignments(opens, released))


@settings(deadline=None, max_examples=120)
@given(problems())
def test_answer_is_the_best_assignment_that_trying_everything_finds(problem: Problem) -> None:
    opens, rules = problem
    settled = settle(opens, rules)
    best = next((values for values in assignments(opens) if obeyed(rules, values)), None)
    assert settled.undecided == ()
    assert settled.complete is (best is not None)
    if best is not None:
        assert {name: chosen.value for name, chosen in settled.values.items()} == best


@settings(deadline=None, max_examples=80)
@given(problems(), st.randoms(use_true_random=False))
def test_answer_does_not_depend_on_the_order_of_the_question(problem: Problem, chance: object) -> None:
    opens, rules = (list(part) for part in problem)
    chance.shuffle(opens)  # type: ignore[attr-defined]
    chance.shuffle(rules)  # type: ignore[attr-defined]
    assert settle(tuple(opens), tuple(rules)) == settle(*problem)


@settings(deadline=None, max_examples=120)
@given(problems())
def test_conflict_conflicts_and_nothing_can_be_left_out_of_it(problem: Problem) -> None:
    opens, rules = problem
    settled = settle(opens, rules)
    assume(settled.conflicts)
    for conflict in settled.conflicts:
        assert conflict.minimal
        assert not satisfiable(opens, conflict.constraints, conflict.fixed)
        for rule in conflict.constraints:
            assert satisfiable(opens, [each for each in conflict.constraints if each != rule], conflict.fixed)
        for fixed in conflict.fixed:
            assert satisfiable(opens, conflict.constraints, [each for each in conflict.fixed if each != fixed])


@settings(deadline=None, max_examples=120)
@given(problems())
def test_ways_out_hold_what_they_say_when_all_else_stays(problem: Problem) -> None:
    opens, rules = problem
    settled = settle(opens, rules)
    assume(settled.conflicts)
    for conflict in settled.conflicts:
        used = {name for rule in conflict.constraints for name in rule.variables()}
        near = [rule for rule in rules if not rule.variables() or connected(rules, used) & rule.variables()]
        near = [rule for rule in near if rule.variables() or rule in conflict.constraints]
        for way in conflict.ways_out:
            assert way.exact or (isinstance(way, Release) and not way.open.otherwise)
            assert not isinstance(way, Relax) or way.over is None or way.over > 0
            if way.besides:
                continue
            if isinstance(way, Relax):
                rest = [rule for rule in near if rule not in way.together]
                over = [
                    max(rule.excess(values) for rule in way.together)
                    for values in assignments(opens)
                    if obeyed(rest, values)
                ]
                assert way.over == (min(over) if over else None)
            else:
                would_do = [
                    value
                    for value in way.open.otherwise
                    if value not in way.open.candidates and satisfiable(
                        tuple(replace(each, candidates=(value,)) if each == way.open else each for each in opens),
                        near,
                        [each if each != way.open else replace(each, candidates=(value,)) for each in opens],
                    )
                ]
                assert list(way.values) == would_do


def connected(rules: Iterable[Constraint], names: set[str]) -> set[str]:
    reached = set(names)
    for _ in range(5):
        for rule in rules:
            if rule.variables() & reached:
                reached |= rule.variables()
    return reached


@settings(deadline=None, max_examples=80)
@given(problems(), st.integers(0, 4), st.integers(1, 8))
def test_loosened_objective_never_makes_a_better_ranked_value_worse(problem: Problem, which: int, more: int) -> None:
    opens, rules = problem
    which %= len(rules)
    before = settle(opens, rules)
    assume(before.complete)
    looser = (*rules[:which], replace(rules[which], right=rules[which].right + more), *rules[which + 1 :])
    after = settle(opens, looser)
    ranked = sorted(opens, key=lambda each: (each.rank, each.name))

    def places(settled: Settled) -> list[int]:
        return [each.candidates.index(settled.values[each.name].value) for each in ranked]

    assert after.complete
    assert places(after) <= places(before)


@settings(deadline=None, max_examples=80)
@given(problems())
def test_every_reason_is_a_sentence_that_begins_with_the_value(problem: Problem) -> None:
    opens, rules = problem
    for chosen in settle(opens, rules).values.values():
        shown = f"{chosen.value} s"
        if chosen.open.fixed_by:
            assert chosen.reason == "set in the manifest"
        elif chosen.value == chosen.open.candidates[0]:
            assert chosen.reason == f"{shown}, {DEFAULT}"
        else:
            assert chosen.reason.startswith(f"{shown}: with ")
            assert "«" in chosen.reason
