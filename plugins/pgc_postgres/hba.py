"""Which connections a rule of client authentication is for, and whether one rule leaves anything to a later one.

PostgreSQL takes the first rule that matches a connection; there is no second try with the next. So a rule whose connections all match an
earlier rule never applies.

`covers(earlier, later)` is sound: where it says yes, no connection reaches the later rule. It compares rule by rule: a rule
that only several earlier ones together cover is not found. What PostgreSQL decides at run time (samehost, samenet, host names,
regular expressions) is covered only by `all`, the whole range or itself.

Source: PostgreSQL, src/backend/libpq/hba.c: check_hba, check_db, check_role, check_ip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from pgc.facts import HbaRule

KINDS: dict[str, frozenset[str]] = {
    "local": frozenset({"local"}),
    "host": frozenset({"ssl", "gss", "plain"}),
    "hostssl": frozenset({"ssl"}),
    "hostnossl": frozenset({"gss", "plain"}),
    "hostgssenc": frozenset({"gss"}),
    "hostnogssenc": frozenset({"ssl", "plain"}),
}
"""Kind of rule → kinds of connections."""

Network = IPv4Network | IPv6Network
Members = Mapping[str, frozenset[str]]
"""Role → every role that it is a member of, directly or not, itself included."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule matches; `network` is None for local rules, `all` and what is decided at run time."""

    rule: HbaRule
    kinds: frozenset[str]
    network: Network | None

    @property
    def effect(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What happens to a connection that matches."""
        return self.rule.method, self.rule.options


def match(rule: HbaRule) -> Match:
    """Read a rule; an address that is no network stays a word."""
    network = None
    if rule.address and rule.address not in ("all", "samehost", "samenet"):
        try:
            network = ip_network(rule.address, strict=False)
        except ValueError:
            network = None
    return Match(rule, KINDS.get(rule.connection, frozenset()), network)


def in_order(rules: Iterable[HbaRule]) -> tuple[HbaRule, ...]:
    """Return rules as they stand in the file: by `order`, equal ones in the order of their keys."""
    return tuple(sorted(rules, key=lambda rule: rule.order))


# ── one rule and another ─────────────────────────────────────────────────────────────────────────────────────────────


def covers(earlier: Match, later: Match, members: Members) -> bool:
    """Say whether every connection that matches `later` matches `earlier`."""
    return (
        later.kinds <= earlier.kinds
        and database_covers(earlier.rule, later.rule, members)
        and user_covers(earlier.rule.user, later.rule.user, members)
        and address_covers(earlier, later)
    )


def meets(earlier: Match, later: Match, members: Members) -> bool:
    """Say whether some connection may match both."""
    return (
        bool(later.kinds & earlier.kinds)
        and _databases_meet(earlier.rule, later.rule, members)
        and _users_meet(earlier.rule.user, later.rule.user, members)
        and _addresses_meet(earlier, later)
    )


def database_covers(earlier: HbaRule, later: HbaRule, members: Members) -> bool:
    """Compare databases: `all` is every database, but not a replication connection, which has none."""
    if "replication" in (earlier.database, later.database):
        return earlier.database == later.database
    if earlier.database == "all" or earlier.database == later.database:
        return True
    same = {"samerole", "samegroup"}
    if earlier.database in same:
        return later.database in same or later.database == "sameuser" or _only_members(later, members)
    return earlier.database == "sameuser" and later.database == later.user and _is_name(later.user)


def _only_members(later: HbaRule, members: Members) -> bool:
    """Say whether the rule is for one database and a role that is a member of the role with its name."""
    return _is_name(later.user) and later.database in members.get(later.user, frozenset((later.user,)))


def user_covers(earlier: str, later: str, members: Members) -> bool:
    """Compare users: `+role` is every member of a role, itself included."""
    if earlier == "all" or earlier == later:
        return True
    if not earlier.startswith("+") or later == "all" or later.startswith("/"):
        return False
    name = later.removeprefix("+")
    return earlier[1:] in members.get(name, frozenset((name,)))


def address_covers(earlier: Match, later: Match) -> bool:
    """Compare addresses; a rule for local connections has none."""
    if "local" in later.kinds or earlier.rule.address == "all" or earlier.rule.address == later.rule.address:
        return True
    if earlier.network is None or later.network is None:
        return False
    return _inside(later.network, earlier.network)


def _inside(inner: Network, outer: Network) -> bool:
    if inner.version != outer.version or inner.prefixlen < outer.prefixlen:
        return False
    return int(inner.network_address) >> (inner.max_prefixlen - outer.prefixlen) == int(outer.network_address) >> (
        outer.max_prefixlen - outer.prefixlen
    )


def _is_name(word: str) -> bool:
    return word != "all" and word[:1] not in "+/"


def _databases_meet(one: HbaRule, other: HbaRule, members: Members) -> bool:
    words = {one.database, other.database}
    if "replication" in words:
        return len(words) == 1
    special = words & {"all", "sameuser", "samerole", "samegroup"} or any(word.startswith("/") for word in words)
    return bool(special) or len(words) == 1


def _users_meet(one: str, other: str, members: Members) -> bool:
    if "all" in (one, other) or one[:1] == "/" or other[:1] == "/":
        return True
    if one[:1] == "+" and other[:1] == "+":
        return True
    if one[:1] == "+" or other[:1] == "+":
        group, name = (one[1:], other) if one[:1] == "+" else (other[1:], one)
        return group in members.get(name, frozenset((name,)))
    return one == other


def _addresses_meet(one: Match, other: Match) -> bool:
    if "local" in one.kinds and "local" in other.kinds:
        return True
    if one.network is None or other.network is None:
        return True
    return _inside(one.network, other.network) or _inside(other.network, one.network)


# ── many rules ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Earlier:
    """The rules that stand above, found by what could cover a later one, so that many hosts do not make it slow."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self.by_word: dict[tuple[str, str], dict[tuple[int, int, int], Match]] = {}
        self.others: dict[tuple[str, str], list[Match]] = {}

    def add(self, each: Match) -> None:
        """Remember a rule; of equal ones the first."""
        words = (each.rule.database, each.rule.user)
        if each.network is None:
            self.others.setdefault(words, []).append(each)
            return
        key = _network_key(each.network, each.network.prefixlen)
        for kind in each.kinds:
            self.by_word.setdefault((*words, kind), {}).setdefault(key, each)  # type: ignore[arg-type]

    def covering(self, later: Match) -> Match | None:
        """Return the first kind of rule above that leaves nothing to `later`, or None."""
        kind = next(iter(sorted(later.kinds)), "")
        for words in self._words(later.rule):
            for each in self.others.get(words, ()):
                if covers(each, later, self.members):
                    return each
            found = self._by_network(words, kind, later)
            if found is not None:
                return found
        return None

    def _by_network(self, words: tuple[str, str], kind: str, later: Match) -> Match | None:
        known = self.by_word.get((*words, kind))  # type: ignore[arg-type]
        if not known or later.network is None:
            return None
        for length in range(later.network.prefixlen, -1, -1):
            each = known.get(_network_key(later.network, length))
            if each is not None and covers(each, later, self.members):
                return each
        return None

    def _words(self, later: HbaRule) -> Iterator[tuple[str, str]]:
        """Yield the (database, user) words that a covering rule could have."""
        databases = dict.fromkeys(
            (later.database, *(() if later.database == "replication" else ("all", "sameuser", "samerole", "samegroup")))
        )
        name = later.user.removeprefix("+")
        groups = (f"+{group}" for group in sorted(self.members.get(name, frozenset((name,)))))
        users = tuple(dict.fromkeys((later.user, "all", *groups)))
        for database in databases:
            for user in users:
                yield database, user


def _network_key(network: Network, length: int) -> tuple[int, int, int]:
    return network.version, length, int(network.network_address) >> (network.max_prefixlen - length)


def shadowed(rules: Iterable[HbaRule], members: Members) -> Iterator[tuple[Match, Match]]:
    """Yield (rule, the earlier rule that leaves nothing to it)."""
    above = Earlier(members)
    for each in map(match, rules):
        cover = above.covering(each)
        if cover is not None:
            yield each, cover
        else:
            above.add(each)


def locked_out(
    rules: Iterable[HbaRule], members: Members, needs: Callable[[HbaRule], bool]
) -> Iterator[tuple[Match, Match]]:
    """Yield (rule that a component needs, an earlier rule that takes some of its connections to another method)."""
    by_user: dict[str, list[Match]] = {}
    for each in map(match, rules):
        if needs(each.rule):
            name = each.rule.user
            if name == "all":  # a rule for one role only narrows it: the component serves the others
                candidates = by_user.get("all", [])
            elif name[:1] in "+/":
                candidates = [other for group in by_user.values() for other in group]
            else:
                words = (name, "all", *(f"+{group}" for group in sorted(members.get(name, frozenset((name,))))))
                candidates = [other for word in words for other in by_user.get(word, ())]
                candidates += [other for word, group in by_user.items() if word[:1] == "/" for other in group]
            for other in candidates:
                if other.effect != each.effect and meets(other, each, members):
                    yield each, other
                    break
        by_user.setdefault(each.rule.user, []).append(each)


def memberships(above: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Return every role with all roles that it is a member of, from the direct memberships; cycles do no harm."""
    result: dict[str, frozenset[str]] = {}
    for role in above:
        found, waiting = {role}, [role]
        while waiting:
            for group in above.get(waiting.pop(), ()):
                if group not in found:
                    found.add(group)
                    waiting.append(group)
        result[role] = frozenset(found)
    return result
