"""Adding up: failover bounds from TimeClaims, budgets from the other claims, and what the lock file says of a cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any

from pgc.cluster import Bound, Cluster, Site, Stretch
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.facts import Budget, ConnectionClaim, DiskClaim, Facts, MemoryClaim, Package, TimeClaim
from pgc.fields import show_size
from pgc.terms import Const, Constraint, Number, Term, greatest, term, tidy, total

BUD001 = Code(
    "BUD001",
    "budget-exceeded",
    Severity.ERROR,
    what="{what}: {sum} are needed, {limit} are there; {terms}",
    why="under load the cluster would refuse connections, swap or fill a disk, whichever comes first",
    help="lower one of the terms, or raise the limit by at least {missing}",
    example="objectives: {connections: 100000}",
)
OBJ001 = Code(
    "OBJ001",
    "objective-not-proved",
    Severity.NOTE,
    what="the objective {name} is stated, but no installed plugin settles or proves it",
    why="nothing in the output says that it is kept",
    help="install the plugin that knows about it, or measure it; the statement itself does no harm",
    example="objectives: {latency_p99: 10ms}   # and nothing is installed that knows query latencies",
)
CODES = (BUD001, OBJ001)

FAILOVER = Path(("objectives", "failover"))
AVAILABILITY = Path(("objectives", "availability"))
SECONDS_A_YEAR = 365 * 86400
PROVED_HERE = frozenset({"failover", "availability", "faults_per_year"})


def objectives(site: Site, known: Facts) -> Iterator[Constraint]:
    """Yield, for every fault that is bounded, that its bound keeps the objectives of failover and availability."""
    wanted = site.objectives
    allowed = None if wanted.availability is None else tidy((1 - wanted.availability) * SECONDS_A_YEAR)
    for fault, claims in _by_fault(known):
        if any(claim.seconds is None for claim in claims):
            continue
        bound = _formula(claims)
        yield Constraint(
            f"writes return after {fault}",
            bound,
            Const(wanted.failover),
            why="writes would stop for longer than the objective allows",
            paths=(FAILOVER,),
            hard=False,
        )
        if allowed is not None:
            yield Constraint(
                f"{wanted.faults_per_year} times a year {fault}",
                wanted.faults_per_year * bound,
                Const(allowed),
                why="the year's outages would use up more than the availability objective leaves",
                paths=(AVAILABILITY,),
                hard=False,
                unit="s",
            )


def unproved(site: Site, proved: frozenset[str]) -> Iterator[Finding]:
    """Yield a note for every objective that is stated and that no installed plugin settles or proves."""
    for name in type(site.objectives).model_fields:
        if name not in proved and site.given("objectives", name) and getattr(site.objectives, name) is not None:
            yield OBJ001.at(Path(("objectives", name)), name=name)


def bounds(settled: Facts, known: Facts) -> tuple[Bound, ...]:
    """Return the bound of every fault, term by term; `known` are the facts before settling, which still have their formulas."""
    formulas = {claim.key: claim.seconds for claim in known.all(TimeClaim)}
    result = []
    for fault, claims in _by_fault(settled):
        loose = [claim for claim in claims if claim.seconds is None]
        if loose:
            result.append(Bound(fault, None, (), "; ".join(claim.why or claim.what for claim in loose)))
            continue
        seconds = _formula(claims).evaluate({})
        result.append(Bound(fault, seconds, tuple(_stretches(claims, formulas))))
    return tuple(result)


def judge(settled: Facts) -> Iterator[Finding]:
    """Add up what is claimed from each budget and yield those that are exceeded."""
    for budget in settled.all(Budget):
        claims = spent(settled, budget)
        needed, limit = sum(amount for _, amount in claims), number(budget.limit)
        if needed > limit:
            show, more, less = (_shower(budget.of, rounded) for rounded in (round, math.ceil, math.floor))
            yield BUD001.at(
                *(budget.origin.paths or (Path(),)),
                what=budget.what,
                sum=more(needed),
                limit=less(limit),
                missing=more(needed - limit),
                terms=" + ".join(f"{show(amount)} {what}" for what, amount in claims),
            )


def summary(cluster: Cluster) -> Mapping[str, Any]:
    """Return what the lock file says of the cluster: roles, versions, settled values, bounds. Paths, never line numbers."""
    hosts = {
        host.name: {
            "address": host.address,
            "datacenter": host.datacenter,
            "zone": host.zone,
            "roles": sorted(host.roles),
        }
        for host in cluster.site.hosts
    }
    settled = {
        name: {
            "value": value.value,
            "unit": value.unit,
            "because": value.reason,
            "paths": [str(path) for path in value.paths],
        }
        for name, value in sorted(cluster.settled.items())
    }
    return {
        "defaults": cluster.site.defaults,
        "hosts": hosts,
        "versions": {package.component: package.version for package in cluster.facts.all(Package) if package.version},
        "settled": settled,
        "bounds_s": {bound.fault: bound.seconds for bound in cluster.bounds},
    }


def _by_fault(known: Facts) -> Iterator[tuple[str, tuple[TimeClaim, ...]]]:
    claims = sorted(known.all(TimeClaim), key=lambda claim: (claim.fault, claim.lane, claim.stage, claim.what))
    for fault, group in groupby(claims, key=lambda claim: claim.fault):
        yield fault, tuple(group)


def _formula(claims: tuple[TimeClaim, ...]) -> Term:
    """Stages of a lane follow each other, claims of a stage and lanes run side by side. Claims are sorted by lane and stage."""
    lanes = []
    for _, lane in groupby(claims, key=lambda claim: claim.lane):
        stages = [
            greatest(*(term(claim.seconds or 0) for claim in stage))
            for _, stage in groupby(lane, key=lambda claim: claim.stage)
        ]
        lanes.append(total(*stages))
    return greatest(*lanes)


def _stretches(claims: tuple[TimeClaim, ...], formulas: Mapping[tuple[Any, ...], Any]) -> Iterator[Stretch]:
    lanes = [tuple(lane) for _, lane in groupby(claims, key=lambda claim: claim.lane)]
    longest = max(lanes, key=lambda lane: _formula(lane).evaluate({}))
    for lane in lanes:
        for _, group in groupby(lane, key=lambda claim: claim.stage):
            stage = tuple(group)
            slowest = max(stage, key=lambda claim: number(claim.seconds or 0))
            for claim in stage:
                yield Stretch(
                    claim.lane,
                    claim.stage,
                    claim.what,
                    str(formulas.get(claim.key, "")),
                    number(claim.seconds or 0),
                    lane is longest and claim is slowest,
                    claim.why,
                    claim.origin.plugin,
                )


def spent(settled: Facts, budget: Budget) -> tuple[tuple[str, Number], ...]:
    """Return what is claimed from a budget, term by term."""
    if budget.of == "MemoryClaim":
        return tuple((claim.what, number(claim.claim_bytes)) for claim in settled.on(budget.pool, MemoryClaim))
    if budget.of == "DiskClaim":
        host, _, disk = budget.pool.partition("/")
        return tuple(
            (claim.what, number(claim.claim_bytes)) for claim in settled.on(host, DiskClaim) if claim.disk == disk
        )
    return tuple((claim.what, number(claim.count)) for claim in settled.all(ConnectionClaim, budget.pool))


def _shower(of: str, rounded: Callable[[Number], int]) -> Callable[[Number], str]:
    """Return how an amount is shown: sizes in megabytes, rounded so that what is too much also looks like it."""
    if of in ("MemoryClaim", "DiskClaim"):
        return lambda amount: show_size(rounded(amount / 1024**2) * 1024**2) if amount > 1024**2 else show_size(amount)
    return str


def number(value: Term | Number) -> Number:
    """Return the number of a settled value."""
    return value.evaluate({}) if isinstance(value, Term) else value


def all_budgets(settled: Facts) -> tuple[tuple[Budget, tuple[tuple[str, Number], ...]], ...]:
    """Return every budget with the claims on it."""
    return tuple((budget, spent(settled, budget)) for budget in settled.all(Budget))
