"""The typed values by which plugins talk to each other.

A fact names capabilities, never products. Each type has a `key`; two facts with one key are joined by the type's own rule, and
what does not join is a conflict that the core reports with both origins. Fields that end in `_s` are seconds, `_bytes` bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeVar

from pgc.provenance import Origin
from pgc.terms import Constraint, Number, Open, Term

NOWHERE = Origin()


class DoesNotJoin(Exception):
    """Two facts with one key contradict each other; the message says in what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What every fact has: who said it and why. The core fills in `origin.plugin`."""

    settles: ClassVar[tuple[str, ...]] = ()  # the fields that may hold a Term until settled
    origin: Origin = field(default=NOWHERE, compare=False)

    @property
    def key(self) -> tuple[Any, ...]:
        """What two facts must share to be about one thing."""
        raise NotImplementedError

    @property
    def capability(self) -> str:
        """The name by which readers ask for it; the empty name where the type alone says it."""
        return ""

    def join(self, other: Self) -> Self:
        """Return what both say together. Raises DoesNotJoin where they contradict."""
        if self == other:
            return self
        raise DoesNotJoin("they differ")


AnyFact = TypeVar("AnyFact", bound=Fact)


# ── what runs where, and what it needs ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Fact):
    """A listening port on a host. `offers` is its capability, for example "pg.sql", "pg.role-probe", "dcs.client"."""

    host: str
    offers: str
    address: str
    port: int
    scheme: str = "tcp"
    path: str = ""
    details: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        return (
            self.host or self.address,
            self.offers,
            self.port,
        )  # several outside the cluster have no host, but an address each

    @property
    def capability(self) -> str:
        return self.offers

    @property
    def location(self) -> str:
        """`address:port`, an IPv6 address in brackets."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    def detail(self, name: str) -> str:
        """Return one detail, or the empty string."""
        return dict(self.details).get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(Fact):
    """A systemd unit on a host: the process that consumes files. `role` is its capability, for example "dcs"."""

    host: str
    unit: str
    role: str
    user: str = "root"
    after: tuple[str, ...] = ()
    description: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return self.host, self.unit

    @property
    def capability(self) -> str:
        return self.role


@dataclass(frozen=True, slots=True, kw_only=True)
class Package(Fact):
    """Software that a host needs: the component's own name and its version (a prefix such as "17" or "3.5")."""

    host: str
    component: str
    version: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return self.host, self.component


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret(Fact):
    """A secret by name and reference; its value is never known here. `used_for` is shown to people."""

    name: str
    reference: str
    used_for: str

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.name,)

    def join(self, other: Self) -> Self:
        if self.reference != other.reference:
            raise DoesNotJoin(f"two references: {self.reference} and {other.reference}")
        uses = sorted({*self.used_for.split("; "), *other.used_for.split("; ")})
        return replace(self, used_for="; ".join(uses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate(Fact):
    """A certificate that a host holds: its files, the names and addresses it must carry, who reads it."""

    host: str
    name: str
    certificate_file: str
    key_file: str
    authority_file: str
    names: tuple[str, ...]
    owner: str = "root"

    @property
    def key(self) -> tuple[Any, ...]:
        return self.host, self.name

    def join(self, other: Self) -> Self:
        return replace(self, names=tuple(sorted({*self.names, *other.names})))


@dataclass(frozen=True, slots=True, kw_only=True)
class CronTimer(Fact):
    """Work that a host does on a schedule (systemd's OnCalendar syntax)."""

    host: str
    name: str
    calendar: str
    command: str
    user: str

    @property
    def key(self) -> tuple[Any, ...]:
        return self.host, self.name


# ── what PostgreSQL must be told, what must exist in it ──────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Fact):
    """One PostgreSQL parameter in its canonical base unit; `host` is empty where it holds for the whole cluster.

    `joins` says how two wishes meet: "equal", "max", "min", or "level" (a later word of `levels` contains the earlier ones).
    """

    settles: ClassVar[tuple[str, ...]] = ("value",)
    name: str
    value: Term | Number | bool | str
    host: str = ""
    joins: str = "equal"
    levels: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        return self.name, self.host

    @property
    def capability(self) -> str:
        return self.name

    def join(self, other: Self) -> Self:
        if self.value == other.value:
            return self
        if self.joins != other.joins:
            raise DoesNotJoin(f"{self.value} and {other.value}")
        if self.joins in ("max", "min") and _numbers(self.value, other.value):
            pick = max if self.joins == "max" else min
            return self if pick(self.value, other.value) == self.value else other  # type: ignore[call-overload]
        if self.joins == "level" and self.value in self.levels and other.value in self.levels:
            return max(self, other, key=lambda each: each.levels.index(str(each.value)))
        raise DoesNotJoin(f"{self.value} and {other.value}")


def _numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preload(Fact):
    """A library in shared_preload_libraries; a smaller `order` is loaded earlier."""

    library: str
    order: int = 50

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.library,)

    def join(self, other: Self) -> Self:
        return min(self, other, key=lambda each: each.order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension(Fact):
    """An extension that a database must have."""

    database: str
    name: str
    schema: str = ""
    version: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return self.database, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(Fact):
    """A database role. `purpose` is its capability: "superuser", "replication", "rewind", "pool-auth", "monitor", "application"…"""

    name: str
    purpose: str
    login: bool = True
    superuser: bool = False
    replication: bool = False
    createdb: bool = False
    createrole: bool = False
    connection_limit: int = -1
    member_of: tuple[str, ...] = ()
    secret: str = ""
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.name,)

    @property
    def capability(self) -> str:
        return self.purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class HbaRule(Fact):
    """One line of client authentication. Lower `order` stands earlier; `purpose` names the identity that needs it."""

    connection: str
    database: str
    user: str
    method: str
    address: str = ""
    options: tuple[tuple[str, str], ...] = ()
    order: int = 50
    purpose: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return self.connection, self.database, self.user, self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentRule(Fact):
    """One line of a map from system or certificate names to roles (pg_ident). Lower `order` stands earlier."""

    map: str
    system: str
    role: str
    order: int = 50

    @property
    def key(self) -> tuple[Any, ...]:
        return self.map, self.system, self.role

    @property
    def capability(self) -> str:
        return self.map


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Fact):
    """Privileges on an object of a database: `kind` is "database", "schema", "tables", "sequences" or "function"."""

    database: str
    kind: str
    target: str
    privileges: tuple[str, ...]
    to: str

    @property
    def key(self) -> tuple[Any, ...]:
        return self.database, self.kind, self.target, self.to

    def join(self, other: Self) -> Self:
        return replace(self, privileges=tuple(sorted({*self.privileges, *other.privileges})))


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseObject(Fact):
    """Something that must exist in a database: a database itself, a schema, a function.

    `definition` is SQL made by the plugin that owns it (values quoted by the templating room's filters) or empty where
    `kind` and `attributes` say it all.
    """

    kind: str
    database: str
    name: str
    owner: str = ""
    definition: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        return self.kind, self.database, self.name

    @property
    def capability(self) -> str:
        return self.kind


# ── what watches it, what people do ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ScrapeTarget(Fact):
    """Metrics over HTTP. `exports` names the metric families, so that rules can be checked against them."""

    host: str
    job: str
    address: str
    port: int
    path: str = "/metrics"
    scheme: str = "http"
    exports: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        return self.host, self.job


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule(Fact):
    """An alert: the expression, how long it must hold (`for_s`), its severity and the runbook that answers it."""

    name: str
    expression: str
    for_s: int
    severity: str
    summary: str
    runbook: str

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard(Fact):
    """A dashboard by title, with its panels as (title, unit, query)."""

    title: str
    panels: tuple[tuple[str, str, str], ...]

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.title,)

    def join(self, other: Self) -> Self:
        return replace(self, panels=(*self.panels, *(panel for panel in other.panels if panel not in self.panels)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck(Fact):
    """A command that says whether a part of the cluster is well, what a healthy answer looks like, and where to run it."""

    name: str
    on: str
    command: str
    healthy: str

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person does: what, where (a host's name or a role), the exact command, and what it answers when well."""

    do: str
    on: str = ""
    command: str = ""
    expect: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """One plugin's part of a procedure; chapters are read in order of `order`, then title."""

    title: str
    order: int
    actions: tuple[Action, ...]
    undo: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Runbook(Fact):
    """A procedure, assembled from the chapters of all who know a part of it. `undo_none` gives the reason where nothing undoes it."""

    slug: str
    title: str
    summary: str = ""
    symptoms: tuple[str, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    undo_none: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.slug,)

    def join(self, other: Self) -> Self:
        if self.title != other.title:
            raise DoesNotJoin(f"two titles: {self.title} and {other.title}")
        chapters = {*self.chapters, *other.chapters}
        return replace(
            self,
            summary=min((self.summary, other.summary), key=lambda text: (not text, text)),
            symptoms=tuple(sorted({*self.symptoms, *other.symptoms})),
            chapters=tuple(sorted(chapters, key=lambda chapter: (chapter.order, chapter.title))),
            undo_none=max(self.undo_none, other.undo_none),
        )


# ── budgets that can be added up and proved ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryClaim(Fact):
    """Memory that a process on a host may take, in bytes, at worst."""

    settles: ClassVar[tuple[str, ...]] = ("claim_bytes",)
    host: str
    what: str
    claim_bytes: Term | Number

    @property
    def key(self) -> tuple[Any, ...]:
        return self.host, self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionClaim(Fact):
    """Connections that something may hold on one PostgreSQL server.

    `slot` is the pool they come from: "client" (max_connections), "walsender" (max_wal_senders), "reserved" (kept free).
    """

    settles: ClassVar[tuple[str, ...]] = ("count",)
    what: str
    slot: str
    count: Term | Number

    @property
    def key(self) -> tuple[Any, ...]:
        return self.slot, self.what

    @property
    def capability(self) -> str:
        return self.slot


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskClaim(Fact):
    """Space that something may take on one of a host's disks, in bytes, at worst."""

    settles: ClassVar[tuple[str, ...]] = ("claim_bytes",)
    host: str
    disk: str
    what: str
    claim_bytes: Term | Number

    @property
    def key(self) -> tuple[Any, ...]:
        return self.host, self.disk, self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeClaim(Fact):
    """One stretch of the time that clients wait after a fault.

    Stages of one `lane` follow each other in the order of their numbers; claims within one stage run side by side (the greatest
    counts); lanes run side by side. `seconds` is None where nothing bounds it, with the reason in `why`: never promised.
    """

    settles: ClassVar[tuple[str, ...]] = ("seconds",)
    fault: str
    what: str
    seconds: Term | Number | None
    stage: int = 0
    lane: str = "leader"
    why: str = ""

    @property
    def key(self) -> tuple[Any, ...]:
        return self.fault, self.lane, self.stage, self.what

    @property
    def capability(self) -> str:
        return self.fault


# ── open values and rules between them ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Fact):
    """An open value that the core settles."""

    open: Open

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.open.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Fact):
    """A constraint that the settled values obey."""

    constraint: Constraint

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.constraint.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget(Fact):
    """A limit against which claims are added up, stated by who knows the limit.

    `of` is the claim's type name, `pool` its slot, host or disk; `limit` is in the claim's unit.
    """

    settles: ClassVar[tuple[str, ...]] = ("limit",)
    of: str
    pool: str
    limit: Term | Number
    what: str

    @property
    def key(self) -> tuple[Any, ...]:
        return self.of, self.pool


class Facts:
    """Joined facts, by type and key; iteration is in key order, so nobody sees the order in which plugins spoke."""

    __slots__ = ("_by_host", "_by_type", "_index")

    def __init__(self, by_type: Mapping[type[Fact], Mapping[tuple[Any, ...], Fact]]) -> None:
        self._by_type = {
            kind: tuple(facts[key] for key in sorted(facts, key=_order)) for kind, facts in by_type.items()
        }
        self._index: dict[tuple[type[Fact], str], tuple[Fact, ...]] = {}
        self._by_host: dict[type[Fact], dict[str, tuple[Fact, ...]]] = {}

    def all(self, kind: type[AnyFact], capability: str | None = None) -> tuple[AnyFact, ...]:
        """Return the facts of a type, in key order; with a capability, only those that offer it."""
        facts: tuple[Any, ...] = self._by_type.get(kind, ())
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

    def first(self, kind: type[AnyFact], capability: str | None = None) -> AnyFact | None:
        """Return the first such fact, or None."""
        return next(iter(self.all(kind, capability)), None)

    def on(self, host: str, kind: type[AnyFact], capability: str | None = None) -> tuple[AnyFact, ...]:
        """Return those that belong to one host."""
        by_host = self._by_host.get(kind)
        if by_host is None:
            groups: dict[str, list[Fact]] = {}
            for fact in self.all(kind):
                groups.setdefault(fact.host, []).append(fact)  # type: ignore[attr-defined]
            by_host = self._by_host[kind] = {name: tuple(facts) for name, facts in groups.items()}
        found: tuple[Any, ...] = by_host.get(host, ())
        return found if capability is None else tuple(fact for fact in found if fact.capability == capability)

    def __iter__(self) -> Iterator[Fact]:
        for kind in sorted(self._by_type, key=lambda each: each.__name__):
            yield from self._by_type[kind]


def _order(key: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(f"{part:09d}" if isinstance(part, int) else str(part) for part in key)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two facts with one key that do not join."""

    first: Fact
    second: Fact
    problem: str


def _by_author(fact: Fact) -> str:
    return fact.origin.plugin


def _by_author_and_content(fact: Fact) -> tuple[str, str]:
    return fact.origin.plugin, repr(fact)


def join(facts: Iterable[Fact]) -> tuple[dict[type[Fact], dict[tuple[Any, ...], Fact]], list[Conflict]]:
    """Join facts by type and key; the result does not depend on their order.

    Facts that meet are first put into a fixed order (by plugin), so that a join that keeps one side keeps the same side always.
    """
    groups: dict[type[Fact], dict[tuple[Any, ...], list[Fact]]] = {}
    for fact in facts:
        groups.setdefault(type(fact), {}).setdefault(fact.key, []).append(fact)
    joined: dict[type[Fact], dict[tuple[Any, ...], Fact]] = {}
    conflicts: list[Conflict] = []
    for kind, by_key in groups.items():
        into = joined.setdefault(kind, {})
        for key, same in by_key.items():
            if len(same) > 1:
                authors = {fact.origin.plugin for fact in same}
                same.sort(key=_by_author if len(authors) == len(same) else _by_author_and_content)
            result = same[0]
            for other in same[1:]:
                try:
                    result = result.join(other)
                except DoesNotJoin as problem:
                    conflicts.append(Conflict(result, other, str(problem)))
            into[key] = result
    return joined, conflicts
