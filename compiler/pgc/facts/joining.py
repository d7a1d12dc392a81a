"""Facts of all plugins brought together: joined where they meet, found by type, capability and host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pgc.facts.fact import AnyFact, DoesNotJoin, Fact

Keyed = dict[tuple[Any, ...], Fact]


class Undeclared(LookupError):
    """A plugin asked for facts that its description does not say it reads."""


class Facts:
    """Joined facts, by type and key; iteration is in key order, so nobody sees the order in which plugins spoke."""

    __slots__ = ("_by_host", "_by_type", "_index", "_keyed", "_kinds", "_readable")

    def __init__(self, keyed: Mapping[type[Fact], Mapping[tuple[Any, ...], Fact]]) -> None:
        self._keyed = keyed
        self._kinds: frozenset[type[Fact]] = frozenset(keyed)
        self._readable: frozenset[tuple[type[Fact], str]] | None = None
        self._by_type: dict[type[Fact], tuple[Fact, ...]] = {}
        self._index: dict[tuple[type[Fact], str], tuple[Fact, ...]] = {}
        self._by_host: dict[type[Fact], dict[str, tuple[Fact, ...]]] = {}

    def only(self, flows: Iterable[tuple[type[Fact], str]]) -> Facts:
        """Return a view that lets these types and capabilities be read only (no capability: all of the type)."""
        view = Facts.__new__(Facts)
        view._readable = frozenset(flows)
        view._keyed, view._kinds = self._keyed, self._kinds & {kind for kind, _ in view._readable}
        view._by_type, view._index, view._by_host = self._by_type, self._index, self._by_host
        return view

    def changed(self, keyed: Mapping[type[Fact], Mapping[tuple[Any, ...], Fact]]) -> Facts:
        """Return the same facts, but for these types."""
        result = Facts({**self._keyed, **keyed})
        result._by_type = {kind: facts for kind, facts in self._by_type.items() if kind not in keyed}
        return result

    def _must_be_readable(self, kind: type[Fact], capability: str | None) -> None:
        if self._readable is not None and (kind, "") not in self._readable and (kind, capability) not in self._readable:
            raise Undeclared(f"{kind.__name__} {capability or '(all)'}")

    def all(self, kind: type[AnyFact], capability: str | None = None) -> tuple[AnyFact, ...]:
        """Return the facts of a type, in key order; with a capability, only those that offer it.

        Raises:
            Undeclared: this view is a plugin's, and its description does not name what it asks for.
        """
        self._must_be_readable(kind, capability)
        if kind not in self._kinds:
            return ()
        facts = self._of(kind)
        if capability is None:
            return facts
        found = self._index.get((kind, capability))
        if found is None:
            groups: dict[str, list[Any]] = {capability: []}
            for fact in facts:
                groups.setdefault(fact.capability, []).append(fact)
            for name, same in groups.items():
                self._index[kind, name] = tuple(same)
            found = self._index[kind, capability]
        return found  # type: ignore[return-value]

    def _of(self, kind: type[Fact]) -> tuple[Any, ...]:
        facts = self._by_type.get(kind)
        if facts is None:
            keyed = self._keyed[kind]
            facts = self._by_type[kind] = tuple([keyed[key] for key in _sorted(keyed)])
        return facts

    def first(self, kind: type[AnyFact], capability: str | None = None) -> AnyFact | None:
        """Return the first such fact, or None."""
        return next(iter(self.all(kind, capability)), None)

    def on(self, host: str, kind: type[AnyFact], capability: str | None = None) -> tuple[AnyFact, ...]:
        """Return those that belong to one host. Raises Undeclared, as `all` does."""
        self._must_be_readable(kind, capability)
        if kind not in self._kinds:
            return ()
        by_host = self._by_host.get(kind)
        if by_host is None:
            groups: dict[str, list[Fact]] = {}
            for fact in self._of(kind):
                groups.setdefault(fact.host, []).append(fact)  # type: ignore[attr-defined]
            by_host = self._by_host[kind] = {name: tuple(facts) for name, facts in groups.items()}
        found: tuple[Any, ...] = by_host.get(host, ())
        return found if capability is None else tuple(fact for fact in found if fact.capability == capability)

    def kinds(self) -> tuple[type[Fact], ...]:
        """Return the types of which there are facts, by name."""
        return tuple(sorted(self._kinds, key=lambda each: each.__name__))

    def __iter__(self) -> Iterator[Fact]:
        for kind in self.kinds():
            yield from self.all(kind)


def _sorted(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Sort keys; where a place holds words in some and numbers in others, all count as words."""
    try:
        return sorted(keys)
    except TypeError:
        return sorted(keys, key=_order)


def _order(key: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple([f"{part:09d}" if type(part) is int else str(part) for part in key])


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two facts with one key that do not join."""

    first: Fact
    second: Fact
    problem: str


class Pool:
    """Facts as they come in, stage by stage. What is joined does not depend on the order in which they came.

    Facts that meet are put into a fixed order (by plugin), so that a join that keeps one side keeps the same side always.
    """

    def __init__(self) -> None:
        self._groups: dict[type[Fact], dict[tuple[Any, ...], list[Fact]]] = {}
        self._joined: dict[type[Fact], Keyed] = {}
        self._meetings: dict[tuple[type[Fact], tuple[Any, ...]], list[Fact]] = {}
        self._changed: set[type[Fact]] = set()
        self._facts = Facts({})

    def add(self, facts: Iterable[Fact]) -> None:
        """Take in more facts."""
        for fact in facts:
            kind, key = type(fact), fact.key
            self._changed.add(kind)
            groups = self._groups.get(kind)
            if groups is None:
                groups = self._groups[kind] = {}
            group = groups.get(key)
            if group is None:
                groups[key] = [fact]
            else:
                group.append(fact)
                self._meetings[kind, key] = group

    def join(self) -> tuple[Facts, list[Conflict]]:
        """Return all facts joined by type and key, and what does not join. Only what came since the last call is joined anew."""
        conflicts: list[Conflict] = []
        for kind in self._changed:
            before = self._joined.get(kind, {})
            self._joined[kind] = {key: before.get(key, group[0]) for key, group in self._groups[kind].items()}
        for (kind, key), group in self._meetings.items():
            self._joined[kind][key] = _one(group, conflicts)
        self._facts = self._facts.changed({kind: self._joined[kind] for kind in self._changed})
        self._meetings, self._changed = {}, set()
        return self._facts, conflicts


def _one(group: list[Fact], conflicts: list[Conflict]) -> Fact:
    distinct = len({fact.origin.plugin for fact in group}) == len(group)
    result, *others = sorted(group, key=_by_author if distinct else _by_author_and_content)
    for other in others:
        try:
            result = result.join(other)
        except DoesNotJoin as problem:
            conflicts.append(Conflict(result, other, str(problem)))
    return result


def _by_author(fact: Fact) -> str:
    return fact.origin.plugin


def _by_author_and_content(fact: Fact) -> tuple[str, str]:
    return fact.origin.plugin, repr(fact)
