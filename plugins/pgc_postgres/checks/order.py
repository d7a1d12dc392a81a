"""The order of the rules of client authentication: none that never applies, none that keeps a component out."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.facts import HbaRule, Role
from pgc_postgres import hba
from pgc_postgres.access import HBA
from pgc_postgres.hba import Match, Members

PGS050 = Code(
    "PGS050",
    "rule-never-applies",
    Severity.ERROR,
    what="the rule `{later}` never applies: `{earlier}` stands above it and takes all its connections",
    why="PostgreSQL takes the first rule that matches and tries no other: {effect}",
    help="move it above (`first: true`), narrow the rule above, or remove it",
    example="postgres:\n  hba:\n    - {users: [app], addresses: [10.0.0.0/8], method: reject}\n    - "
    "{users: [app], addresses: [10.1.0.0/16]}",
)
PGS051 = Code(
    "PGS051",
    "rule-repeats-another",
    Severity.WARNING,
    what="the rule `{later}` says again what `{earlier}` above it says already",
    why="it has no effect, and whoever removes one of the two expects something to change",
    help="remove it",
    example="postgres:\n  hba:\n    - {addresses: [10.0.0.0/8]}\n    - {users: [app], addresses: [10.1.0.0/16]}",
)
PGS052 = Code(
    "PGS052",
    "component-locked-out",
    Severity.ERROR,
    what="`{earlier}` takes connections that `{later}` is there for ({purpose})",
    why="{effect}: {purpose} would fail",
    help="narrow the rule above so that it leaves out {user} from {address}, or remove its `first`",
    example="postgres:\n  hba: [{addresses: [10.0.0.0/8], method: reject, first: true}]",
)
CODES = (PGS050, PGS051, PGS052)


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield the rules that stand in each other's way in the file."""
    rules = hba.in_order(cluster.facts.all(HbaRule))
    yield from _order(rules, hba.memberships({role.name: role.member_of for role in cluster.facts.all(Role)}))


def line(rule: HbaRule) -> str:
    """Write a rule the way it will stand in the file."""
    return " ".join(
        word
        for word in (
            rule.connection,
            rule.database,
            rule.user,
            rule.address,
            rule.method,
            *(f"{k}={v}" for k, v in rule.options),
        )
        if word
    )


def place(rule: HbaRule) -> tuple[Path, ...]:
    """Return the manifest path that a rule comes from."""
    return rule.origin.paths[:1] or (Path(("postgres",)),)


def _by_hand(rule: HbaRule) -> bool:
    return any(path[:2] == HBA for path in rule.origin.paths)


def _order(rules: tuple[HbaRule, ...], members: Members) -> Iterator[Finding]:
    lost = set()
    for later, earlier in hba.locked_out(rules, members, _needed):
        lost.add(id(later.rule))
        yield PGS052.at(
            *_places(earlier, later),
            earlier=line(earlier.rule),
            later=line(later.rule),
            purpose=later.rule.purpose,
            effect=_effect(earlier),
            user=later.rule.user,
            address=later.rule.address or "the host itself",
        )
    told = set()
    for later, earlier in hba.shadowed(rules, members):
        if id(later.rule) in lost or not (_by_hand(later.rule) or _by_hand(earlier.rule)):
            continue
        once = (place(later.rule), place(earlier.rule))
        if once in told:
            continue
        told.add(once)
        if later.effect != earlier.effect:
            yield PGS050.at(
                *_places(later, earlier), later=line(later.rule), earlier=line(earlier.rule), effect=_effect(earlier)
            )
        elif _by_hand(later.rule):
            yield PGS051.at(*_places(later, earlier), later=line(later.rule), earlier=line(earlier.rule))


def _needed(rule: HbaRule) -> bool:
    return bool(rule.purpose) and rule.method != "reject" and not _by_hand(rule)


def _places(*matches: Match) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(path for each in matches for path in place(each.rule)))


def _effect(earlier: Match) -> str:
    if earlier.rule.method == "reject":
        return "these connections are rejected"
    options = (
        " with " + ", ".join(f"{name}={value}" for name, value in earlier.rule.options) if earlier.rule.options else ""
    )
    return f"these connections must log in by {earlier.rule.method}{options}"
