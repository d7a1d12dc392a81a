"""Facts meet: joined where they agree, told where they do not; and what only plugins, never a manifest, can cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import permutations
from types import ModuleType
from typing import Any

import pytest

from pgc import facts as kinds
from pgc import pipeline, source
from pgc import registry as registries
from pgc.artifact import Artifact
from pgc.bodies import Plain
from pgc.facts import Action, Chapter, Choice, Conflict, Endpoint, Fact, Facts, Package, Parameter
from pgc.hookspecs import Description, hookimpl
from pgc.pipeline import Compilation
from pgc.provenance import Origin
from pgc.registry import BrokenPlugin
from pgc.settle.search import STEPS
from pgc.terms import Const, Constraint, Open, total, var

MANIFEST = """\
apiVersion: pgc.dev/v1
kind: Cluster
metadata: {name: orders}
defaults: "2026.11"
hosts:
  pg1: {address: 10.0.0.1, memory: 16GB}
"""


def plugin(
    name: str,
    facts: Callable[[], Iterable[Fact]] = lambda: (),
    files: Callable[[], Iterable[Artifact]] = lambda: (),
    section: str = "pgc.fields:Section",
    **hooks: Any,
) -> ModuleType:
    """Make a plugin that gives these facts and files."""
    module = ModuleType(name)
    module.__file__ = __file__

    @hookimpl
    def pgc_describe() -> Description:
        return Description(name, f"stands for somebody in tests: {name}", section, **hooks)

    @hookimpl
    def pgc_contribute() -> Iterable[Fact]:
        return facts()

    @hookimpl
    def pgc_render() -> Iterable[Artifact]:
        return files()

    for each in (pgc_describe, pgc_contribute, pgc_render):
        setattr(module, each.__name__, each)
    return module


def compiled(*modules: ModuleType, text: str = MANIFEST) -> Compilation:
    """Compile with these plugins alone."""
    used = registries.build([(each.__name__, each, "test", "0") for each in modules])
    return pipeline.compile_source(source.read(text.encode(), "m.yaml"), None, used, used.templates(), lambda name: "")


def said(compilation: Compilation) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in compilation.diagnostics if each.severity == "error"]


def joined(*facts: Fact) -> tuple[tuple[Fact, ...], list[Conflict]]:
    pool = kinds.Pool()
    pool.add(facts)
    found, conflicts = pool.join()
    return tuple(found), conflicts


def by(author: str) -> Origin:
    return Origin((), f"{author} says so", author)


# ── joins ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (
            Parameter(name="max_wal_senders", value=10, joins="max", origin=by("a")),
            Parameter(name="max_wal_senders", value=12, joins="max", origin=by("b")),
            12,
        ),
        (
            Parameter(name="max_slots", value=10, joins="min", origin=by("a")),
            Parameter(name="max_slots", value=12, joins="min", origin=by("b")),
            10,
        ),
        (
            Parameter(name="wal_level", value="replica", joins="level", levels=("minimal", "replica", "logical"), origin=by("a")),
            Parameter(name="wal_level", value="logical", joins="level", levels=("minimal", "replica", "logical"), origin=by("b")),
            "logical",
        ),
    ],
)  # fmt: skip
def test_wishes_for_one_parameter_meet_by_its_rule_in_either_order(
    first: Parameter, second: Parameter, expected: object
) -> None:
    for order in permutations((first, second)):
        (fact,), conflicts = joined(*order)
        assert isinstance(fact, Parameter) and fact.value == expected and not conflicts


def test_what_is_equal_is_one_fact_and_what_is_not_is_a_conflict_with_both_authors() -> None:
    first = Package(host="pg1", component="etcd", version="3.5", origin=by("a"))
    second = Package(host="pg1", component="etcd", version="3.6", origin=by("b"))
    assert joined(first, first)[1] == []
    for order in permutations((first, second)):
        (conflict,) = joined(*order)[1]
        assert (conflict.first.origin.plugin, conflict.second.origin.plugin) == ("a", "b")


def test_sets_are_united_whoever_comes_first() -> None:
    grants = (
        kinds.Grant(database="app", kind="schema", target="public", privileges=("USAGE",), to="app", origin=by("a")),
        kinds.Grant(database="app", kind="schema", target="public", privileges=("CREATE",), to="app", origin=by("b")),
    )
    books = (
        kinds.Runbook(slug="restart", title="Restart", chapters=(Chapter("b", 20, (Action("x"),)),), origin=by("a")),
        kinds.Runbook(slug="restart", title="Restart", chapters=(Chapter("a", 10, (Action("y"),)),), origin=by("b")),
    )
    for pair in (grants, books):
        results = {joined(*order)[0] for order in permutations(pair)}
        assert len(results) == 1
        ((fact,),) = results
        if isinstance(fact, kinds.Grant):
            assert fact.privileges == ("CREATE", "USAGE")
        if isinstance(fact, kinds.Runbook):
            assert [chapter.title for chapter in fact.chapters] == ["a", "b"]


def test_the_earliest_wish_for_a_library_wins_and_uses_of_a_secret_are_listed() -> None:
    ((library,), _) = joined(
        kinds.Preload(library="citus", order=1, origin=by("a")), kinds.Preload(library="citus", origin=by("b"))
    )
    assert isinstance(library, kinds.Preload) and library.order == 1
    ((secret,), _) = joined(
        kinds.Secret(name="tls", reference="env:X", used_for="b", origin=by("a")),
        kinds.Secret(name="tls", reference="env:X", used_for="a", origin=by("b")),
    )
    assert isinstance(secret, kinds.Secret) and secret.used_for == "a; b"


def test_a_conflict_of_two_plugins_names_both_with_their_reasons() -> None:
    def of(version: str, reason: str) -> Callable[[], Iterable[Fact]]:
        return lambda: [Package(host="pg1", component="etcd", version=version, origin=Origin((), reason))]

    compilation = compiled(plugin("one", of("3.5", "the old one")), plugin("two", of("3.6", "the new one")))
    ((code, message),) = said(compilation)
    assert code == "FCT001" and "one (the old one) and two (the new one) disagree about Package pg1 etcd" in message


def test_facts_are_found_by_type_capability_and_host() -> None:
    endpoints = [
        Endpoint(host=host, offers=offers, address="10.0.0.1", port=port)
        for host, offers, port in (("pg2", "pg.sql", 1), ("pg1", "pg.sql", 2), ("pg1", "vip", 3))
    ]
    pool = kinds.Pool()
    pool.add(endpoints)
    facts = pool.join()[0]
    assert [each.host for each in facts.all(Endpoint, "pg.sql")] == ["pg1", "pg2"]
    assert [each.port for each in facts.on("pg1", Endpoint)] == [2, 3] or [
        each.port for each in facts.on("pg1", Endpoint)
    ] == [3, 2]
    assert facts.first(Endpoint, "nothing") is None and facts.on("pg9", Endpoint) == ()


# ── who may say what ─────────────────────────────────────────────────────────────────────────────────────────────────


def deriving(**hooks: Any) -> ModuleType:
    module = plugin("sly", **hooks)

    @hookimpl
    def pgc_derive(facts: Facts) -> Iterable[Fact]:
        return [Package(host="pg1", component="x")]

    module.pgc_derive = pgc_derive  # type: ignore[attr-defined]
    return module


def test_a_fact_that_was_not_declared_is_an_error_of_the_plugin() -> None:
    with pytest.raises(BrokenPlugin, match="sly derives Package '', which its writes do not name"):
        compiled(deriving())
    assert said(compiled(deriving(writes=((Package, ""),)))) == []


def test_facts_that_were_not_declared_cannot_be_read() -> None:
    def reading(name: str, **hooks: Any) -> ModuleType:
        module = plugin(name, **hooks)

        @hookimpl
        def pgc_derive(facts: Facts) -> Iterable[Fact]:
            facts.on("pg1", Package)
            return ()

        module.pgc_derive = pgc_derive  # type: ignore[attr-defined]
        return module

    assert said(compiled(reading("sighted", reads=((Package, ""),)), deriving(writes=((Package, ""),)))) == []
    with pytest.raises(BrokenPlugin, match=r"blind reads Package \(all\), which its reads do not name"):
        compiled(reading("blind"))


# ── what only plugins can cause ──────────────────────────────────────────────────────────────────────────────────────


def search(hard: bool) -> Callable[[], Iterable[Fact]]:
    """Give so many open values under rules that cannot be pruned, so that the search must end; or few, so that it finds them."""
    opens = [Open(f"x{number}", tuple(range(6)), 1, "", "the least") for number in range(14 if hard else 2)]
    whole = total(*(var(each.name) for each in opens))
    odd = total(*(2 * var(each.name) for each in opens))

    def give() -> Iterable[Fact]:
        yield from (Choice(open=each) for each in opens)
        for name, left, right in (
            ("at least", Const(31 if hard else 0), odd),
            ("at most", odd, Const(31 if hard else 99)),
        ):
            yield kinds.Rule(constraint=Constraint(name, left, right, why="for a test"))
        yield kinds.Rule(constraint=Constraint("all", Const(0), whole, why="for a test"))

    return give


def test_a_search_that_ends_without_an_answer_is_told_and_nothing_is_compiled() -> None:
    """Twice a sum is 31: no choice does it, and intervals do not see why."""
    compilation = compiled(plugin("many", search(hard=True)))
    assert said(compilation) == [("SET002", f"the search for settings ended without an answer after {STEPS} steps")]
    assert compilation.bundle is None
    (told,) = compilation.diagnostics
    assert told.hint.startswith("set one of these by hand: x0, ")


def test_a_search_that_finds_an_answer_says_nothing() -> None:
    assert said(compiled(plugin("few", search(hard=False)))) == []


def test_a_file_has_one_author() -> None:
    def file(path: str) -> Callable[[], Iterable[Artifact]]:
        return lambda: [Artifact(path, "markdown", Plain(("# mine",)))]

    both = compiled(plugin("one", files=file("docs/a.md")), plugin("two", files=file("docs/a.md")))
    assert said(both) == [("ART002", "docs/a.md is written by one and by two")]
    assert said(compiled(plugin("one", files=file("docs/a.md")), plugin("two", files=file("docs/b.md")))) == []
