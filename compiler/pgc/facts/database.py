"""What PostgreSQL must be told, and what must exist in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from pgc.facts.fact import DoesNotJoin, Fact
from pgc.terms import Number, Term


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
            self_is_greater = self.value >= other.value  # type: ignore[operator]
            return self if self_is_greater == (self.joins == "max") else other
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
