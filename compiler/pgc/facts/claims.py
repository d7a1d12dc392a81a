"""Budgets that can be added up and proved, open values, and the rules between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pgc.facts.fact import Fact
from pgc.terms import Constraint, Number, Open, Term


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
