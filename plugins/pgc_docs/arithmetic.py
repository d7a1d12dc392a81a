"""What the compiler worked out: settled values, parameters, budgets, failover bounds, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator

from pgc import budgets as sums
from pgc.cluster import Bound, Cluster
from pgc.facts import Budget, ConnectionClaim, DiskClaim, Fact, MemoryClaim, Parameter, Preload
from pgc.fields import show_duration
from pgc.markdown import code, escaped, table
from pgc.provenance import Origin
from pgc.terms import Number

CLAIMS: dict[str, type[Fact]] = {"MemoryClaim": MemoryClaim, "DiskClaim": DiskClaim, "ConnectionClaim": ConnectionClaim}


def settings(cluster: Cluster, name: str) -> Iterator[str]:
    """Write the page of derived settings."""
    yield from (f"# Derived settings of {escaped(name)}", "")
    yield from ("[Inventory](README.md). `pgc explain SETTING` names the manifest line as well.", "")
    yield from ("## Chosen by the compiler", "", "Each is the gentlest value that every rule and objective leaves.", "")
    chosen = (
        (setting, f"{value.value} {value.unit}".strip(), value.reason, _paths(value.paths))
        for setting, value in sorted(cluster.settled.items())
    )
    yield from table(("setting", "value", "because", "asked for by"), chosen).split("\n")
    yield from ("", "## PostgreSQL parameters", "")
    parameters = (
        (
            each.name,
            each.host or "all",
            _value(each.value),
            why(each.origin),
            each.origin.plugin,
        )
        for each in cluster.facts.all(Parameter)
    )
    yield from table(("parameter", "host", "value", "because", "by"), parameters).split("\n")
    preloads = ", ".join(code(each.library) for each in cluster.facts.all(Preload))
    if preloads:
        yield from ("", f"Loaded at start: {preloads}")


def _value(value: object) -> str:
    """Write a parameter's value as PostgreSQL shows it."""
    if isinstance(value, bool):
        return code("on" if value else "off")
    return code(str(value)) if value != "" else "–"


def why(origin: Origin) -> str:
    """Say in one phrase where a value comes from: its reason, and the manifest paths that asked."""
    paths = _paths(origin.paths)
    reason = origin.reason or "always so"
    return f"{reason} ({paths})" if paths else reason


def _paths(paths: tuple[object, ...]) -> str:
    return ", ".join(code(str(path)) for path in paths)


def budgets(cluster: Cluster, name: str) -> Iterator[str]:
    """Write the page of budgets; hosts whose sums are the same share one table."""
    yield from (f"# Budgets of {escaped(name)}", "")
    yield from ("[Inventory](README.md). Compiling fails where a sum exceeds its limit.", "")
    told: dict[str, tuple[list[str], list[str]]] = {}
    for budget, claims in sums.all_budgets(cluster.facts):
        lines = list(_budget(cluster, budget, claims))
        host = budget.pool.partition("/")[0]
        told.setdefault("\n".join(lines).replace(host, "…"), (lines, []))[1].append(host)
    for lines, hosts in told.values():
        if len(hosts) > 1:
            lines[4:4] = [f"The same on {', '.join(hosts[1:])}.", ""]
        yield from lines


def _budget(cluster: Cluster, budget: Budget, claims: tuple[tuple[str, Number], ...]) -> Iterator[str]:
    show = str if budget.of == "ConnectionClaim" else size
    limit = sums.number(budget.limit)
    needed = sum(amount for _, amount in claims)
    share = f" ({round(100 * needed / limit)} %)" if limit else ""
    yield from (f"## {budget.what}", "")
    yield from (f"{show(needed)} of {show(limit)}{share}. The limit: {why(budget.origin)}.", "")
    origins = _origins(cluster, budget)
    rows = ((what, show(amount), why(origins.get(what, Origin()))) for what, amount in claims)
    yield from table(("what", "amount", "because"), rows).split("\n")
    yield ""


def _origins(cluster: Cluster, budget: Budget) -> dict[str, Origin]:
    host = budget.pool.partition("/")[0]
    kind = CLAIMS[budget.of]
    claims = cluster.facts.all(kind) if kind is ConnectionClaim else cluster.facts.on(host, kind)
    return {claim.what: claim.origin for claim in claims}  # type: ignore[attr-defined]


def size(amount: Number) -> str:
    """Write bytes for people, to three digits."""
    for unit, factor in (("TB", 1024**4), ("GB", 1024**3), ("MB", 1024**2), ("kB", 1024)):
        if amount >= factor:
            return f"{amount / factor:.3g} {unit}" if amount / factor < 1000 else f"{round(amount / factor)} {unit}"
    return f"{amount} B"


def failover(cluster: Cluster, name: str) -> Iterator[str]:
    """Write the page on failover: every bound, term by term, and what nothing bounds."""
    bounded = [bound for bound in cluster.bounds if bound.seconds is not None]
    loose = [bound for bound in cluster.bounds if bound.seconds is None]
    objective = show_duration(cluster.site.objectives.failover)
    yield from (f"# Failover arithmetic of {escaped(name)}", "")
    yield "[Inventory](README.md). The longest that writes stop after one fault, term by term."
    yield from (f"The objective is {objective}.", "")
    rows = [(bound.fault, show_duration(bound.seconds or 0)) for bound in bounded]
    rows += [(bound.fault, "not bounded") for bound in loose]
    yield from table(("fault", "at most"), rows).split("\n")
    yield from ("", "Stages of a lane follow each other; what stands in one stage, and lanes, run side by side:")
    yield from ("only what «counts» adds up.", "")
    for bound in bounded:
        yield from _bound(bound)
    if loose:
        yield from ("## Not bounded by any setting", "")
        yield "No time is promised for these. What keeps the data safe then is the leader lock, synchronous replication,"
        yield from ("and, on hosts that have a watchdog device, the watchdog.", "")
        yield from table(("fault", "why"), ((bound.fault, bound.unbounded) for bound in loose)).split("\n")


def _bound(bound: Bound) -> Iterator[str]:
    yield from (f"## {bound.fault}: {show_duration(bound.seconds or 0)}", "")
    rows = (
        (
            part.lane,
            part.what,
            part.formula,
            show_duration(part.seconds),
            "counts" if part.counts else "meanwhile",
            part.why,
        )
        for part in bound.stretches
    )
    yield from table(("lane", "what", "formula", "time", "", "why"), rows).split("\n")
    yield ""
