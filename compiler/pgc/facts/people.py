"""What watches the cluster, and what people do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from pgc.facts.fact import DoesNotJoin, Fact


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
