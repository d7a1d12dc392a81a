"""What runs where, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from pgc.facts.fact import DoesNotJoin, Fact


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
