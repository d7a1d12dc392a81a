"""Terms: arithmetic that is written down before its numbers are known."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgc.terms import Const, Constraint, Number, Open, Term, finite, greatest, term, tidy, total, var

NAMES = ("a", "b", "c")
numbers = st.integers(-20, 20) | st.integers(-40, 40).map(lambda halves: halves / 2)


def formulas() -> st.SearchStrategy[Term]:
    leaves = st.sampled_from(NAMES).map(var) | numbers.map(Const)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: total(*parts)),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: greatest(*parts)),
            st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        ),
        max_leaves=6,
    )


def test_operators_build_a_formula_that_reads_as_it_is_written() -> None:
    bound = var("patroni.ttl_s") + 2 * var("patroni.loop_wait_s") - greatest(1, var("haproxy.inter_s"))
    assert str(bound) == "ttl + 2 × loop_wait − max(1, inter)"
    assert str(2 * (var("a") + 1)) == "2 × (a + 1)"
    assert str(1 - (var("a") - 2)) == "1 − (a − 2)"


def test_formula_is_evaluated_for_settled_values() -> None:
    bound = var("lock.ttl_s") + 2 * var("lock.loop_s")
    assert bound.evaluate({"lock.ttl_s": 20, "lock.loop_s": 2}) == 24
    assert bound.bounds({"lock.ttl_s": (20, 30), "lock.loop_s": (1, 10)}) == (22, 50)
    assert bound.variables() == {"lock.ttl_s", "lock.loop_s"}


def test_value_that_is_not_settled_raises() -> None:
    with pytest.raises(KeyError):
        var("a").evaluate({})


def test_equal_numbers_print_alike() -> None:
    assert str(term(30)) == str(term(30.0)) == "30"
    assert str(Const(1e9)) == "1000000000"
    assert type(Const(True).value) is int


def test_sum_of_decimals_has_no_binary_noise() -> None:
    assert total(0.1, 0.2).evaluate({}) == 0.3
    assert tidy(29.999999999) == 30


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_number_that_compares_with_nothing_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        finite(number)
    with pytest.raises(ValueError, match="finite"):
        Open("a", (number,), 0, "s", "because")
    with pytest.raises(ValueError, match="finite"):
        _ = var("a") + number


def test_value_set_by_hand_remembers_what_it_would_have_been() -> None:
    ttl = Open("patroni.ttl_s", (30, 25, 20), 0, "s", "the vendor's default").fix(60, "patroni", "ttl")
    assert (ttl.candidates, ttl.fixed_by, ttl.otherwise) == ((60,), ("patroni", "ttl"), (30, 25, 20))


@pytest.mark.parametrize(("left", "holds"), [(29.9, True), (30, True), (30.000001, True), (30.00001, False)])
def test_constraint_holds_up_to_the_microsecond(left: Number, holds: bool) -> None:
    assert Constraint("limit", var("a"), term(30), "why").holds({"a": left}) is holds


def test_constraint_says_by_how_much_it_is_exceeded() -> None:
    limit = Constraint("limit", var("a") + 0.1, term(0.3), "why")
    assert limit.excess({"a": 0.2}) == 0
    assert limit.excess({"a": 2}) == 1.8
    assert limit.variables() == {"a"}


@given(formulas(), st.fixed_dictionaries({name: st.tuples(numbers, numbers, numbers) for name in NAMES}))
def test_bounds_enclose_every_value_between_them(formula: Term, drawn: dict[str, tuple[Number, ...]]) -> None:
    intervals = {name: (min(three), max(three)) for name, three in drawn.items()}
    low, high = formula.bounds(intervals)
    value = formula.evaluate({name: three[1] for name, three in drawn.items()})
    assert low <= value <= high


@given(formulas(), st.fixed_dictionaries(dict.fromkeys(NAMES, numbers)))
def test_bounds_of_settled_values_are_the_value_itself(formula: Term, values: dict[str, Number]) -> None:
    assert formula.bounds({name: (value, value) for name, value in values.items()}) == (formula.evaluate(values),) * 2
