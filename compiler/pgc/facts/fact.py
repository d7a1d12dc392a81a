"""What every fact has: a key, a capability, a join, an origin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self, TypeVar

from pgc.provenance import Origin

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
