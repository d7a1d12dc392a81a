"""Adding up: bounds of faults from stretches of time, budgets from claims, objectives that nobody proves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgc import budgets
from pgc.diagnostics import Path, diagnose
from pgc.facts import Budget, ConnectionClaim, DiskClaim, Fact, Facts, MemoryClaim, Pool, TimeClaim
from pgc.provenance import Origin
from pgc.terms import Const, var
from tests.conftest import Compile

MB, GB = 1024**2, 1024**3
MANIFEST = """\
apiVersion: pgc.dev/v1
kind: Cluster
metadata: {name: orders}
defaults: "2026.11"
objectives: {failover: 60s}
postgres: {version: 17}
hosts:
  pg1: {address: 10.0.0.1, memory: 16GB, zone: a}
  pg2: {address: 10.0.0.2, memory: 16GB, zone: b}
  pg3: {address: 10.0.0.3, memory: 16GB, zone: c}
"""


def known(*facts: Fact) -> Facts:
    pool = Pool()
    pool.add(facts)
    joined, conflicts = pool.join()
    assert not conflicts
    return joined


def stretch(
    what: str, seconds: float | None, stage: int = 0, lane: str = "leader", fault: str = "host lost"
) -> TimeClaim:
    return TimeClaim(fault=fault, what=what, seconds=seconds, stage=stage, lane=lane, why=f"because of {what}")


def messages(*facts: Fact) -> list[tuple[str, str]]:
    told = (diagnose(finding, ()) for finding in budgets.judge(known(*facts)))
    return [(each.message, each.hint) for each in told]


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_stages_follow_each_other_and_what_stands_in_one_stage_runs_side_by_side() -> None:
    claims = (
        stretch("lock", 20, 10),
        stretch("promotion", 2, 20),
        stretch("detection", 3, 20),
        stretch("retry", 1, 30),
    )
    (bound,) = budgets.bounds(known(*claims), known(*claims))
    assert (bound.fault, bound.seconds) == ("host lost", 24)
    assert [(part.what, part.counts) for part in bound.stretches] == [
        ("lock", True), ("detection", True), ("promotion", False), ("retry", True),
    ]  # fmt: skip


def test_of_two_lanes_the_longer_one_counts_and_no_stretch_of_the_other() -> None:
    claims = (stretch("lock", 20), stretch("address", 3, lane="vip"), stretch("announced", 1, 1, "vip"))
    (bound,) = budgets.bounds(known(*claims), known(*claims))
    assert bound.seconds == 20
    assert [part.what for part in bound.stretches if part.counts] == ["lock"]


def test_a_fault_with_one_stretch_that_nothing_bounds_is_not_bounded() -> None:
    claims = (stretch("lock", 20), stretch("quorum", None, 5))
    (bound,) = budgets.bounds(known(*claims), known(*claims))
    assert (bound.seconds, bound.stretches, bound.unbounded) == (None, (), "because of quorum")


def test_a_stretch_shows_the_formula_that_it_had_before_it_was_settled() -> None:
    before = known(TimeClaim(fault="host lost", what="lock", seconds=var("ttl_s") + 0.5))
    after = known(TimeClaim(fault="host lost", what="lock", seconds=Const(20.5)))
    (bound,) = budgets.bounds(after, before)
    assert [(part.formula, part.seconds) for part in bound.stretches] == [("ttl + 0.5", 20.5)]


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(0, 40)),
        min_size=1,
        max_size=8,
    )
)
def test_what_counts_adds_up_to_the_bound(rows: list[tuple[str, int, int]]) -> None:
    claims = [stretch(f"s{number}", seconds, stage, lane) for number, (lane, stage, seconds) in enumerate(rows)]
    (bound,) = budgets.bounds(known(*claims), known(*claims))
    assert bound.seconds == sum(part.seconds for part in bound.stretches if part.counts)
    assert len({(part.lane, part.stage) for part in bound.stretches if part.counts}) == sum(
        part.counts for part in bound.stretches
    )


def test_every_bound_keeps_the_objective_and_the_lock_file_says_the_same(compile_text: Compile) -> None:
    compilation = compile_text(MANIFEST)
    assert compilation.cluster is not None and compilation.bundle is not None
    limits = {bound.fault: bound.seconds for bound in compilation.cluster.bounds}
    assert limits["host lost"] is not None and all(seconds is None or seconds <= 60 for seconds in limits.values())
    assert compilation.bundle.summary["bounds_s"] == limits
    assert {"disk full", "postmaster frozen", "DCS quorum lost"} <= {
        name for name, each in limits.items() if each is None
    }


# ── amounts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def memory(what: str, amount: int, host: str = "pg1") -> MemoryClaim:
    return MemoryClaim(host=host, what=what, claim_bytes=amount)


def test_a_sum_at_its_limit_is_kept_and_a_byte_more_is_not() -> None:
    limit = Budget(of="MemoryClaim", pool="pg1", limit=8 * GB, what="memory of pg1")
    assert messages(limit, memory("server", 6 * GB), memory("store", 2 * GB)) == []
    assert messages(limit, memory("server", 6 * GB), memory("store", 2 * GB + 1)) == [
        (
            "memory of pg1: 8193MB are needed, 8GB are there; 6GB server + 2GB store",
            "lower one of the terms, or raise the limit by at least 1B",
        )
    ]


def test_what_is_too_much_looks_like_it_however_it_is_rounded() -> None:
    limit = Budget(of="MemoryClaim", pool="pg1", limit=int(4095.9 * MB), what="memory of pg1")
    ((message, hint),) = messages(limit, memory("server", 4096 * MB))
    assert message == "memory of pg1: 4GB are needed, 4095MB are there; 4GB server"
    assert hint.endswith(f"at least {4096 * MB - int(4095.9 * MB)}B")


def test_each_host_and_each_disk_has_a_purse_of_its_own() -> None:
    disk = Budget(of="DiskClaim", pool="pg1/wal", limit=10 * GB, what="disk wal of pg1")
    others = (
        DiskClaim(host="pg1", disk="data", what="data", claim_bytes=90 * GB),
        DiskClaim(host="pg2", disk="wal", what="WAL", claim_bytes=90 * GB),
        DiskClaim(host="pg1", disk="wal", what="WAL", claim_bytes=10 * GB),
    )
    assert messages(disk, *others) == []
    assert [amount for _, amount in budgets.spent(known(disk, *others), disk)] == [10 * GB]


def test_connections_are_counted_by_their_pool() -> None:
    limit = Budget(of="ConnectionClaim", pool="client", limit=95, what="connections to PostgreSQL")
    claims = (
        ConnectionClaim(what="pools", slot="client", count=60),
        ConnectionClaim(what="exporter", slot="client", count=36),
        ConnectionClaim(what="standbys", slot="walsender", count=10),
    )
    assert messages(limit, *claims) == [
        (
            "connections to PostgreSQL: 96 are needed, 95 are there; 36 exporter + 60 pools",
            "lower one of the terms, or raise the limit by at least 1",
        )
    ]


def test_a_budget_that_is_exceeded_points_at_who_set_the_limit() -> None:
    limit = Budget(
        of="MemoryClaim",
        pool="pg1",
        limit=1,
        what="memory of pg1",
        origin=Origin((Path(("hosts", "pg1", "memory")),), ""),
    )
    (finding,) = budgets.judge(known(limit, memory("server", 2)))
    assert finding.places == (Path(("hosts", "pg1", "memory")),)


def test_claims_that_nobody_limits_are_no_fault() -> None:
    assert messages(memory("server", 10**15)) == []


# ── objectives ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("faults", "kept"), [(12, True), (120, False)])
def test_an_availability_is_kept_when_the_years_faults_fit_into_what_it_leaves(
    compile_text: Compile, faults: int, kept: bool
) -> None:
    """99.99 % of a year leave 3 153.6 s: twelve failovers of a minute, and not a hundred."""
    wanted = f"{{failover: 60s, availability: 99.99%, faults_per_year: {faults}}}"
    compilation = compile_text(MANIFEST.replace("{failover: 60s}", wanted))
    codes = [each.code for each in compilation.diagnostics if each.severity == "error"]
    assert codes == ([] if kept else ["SET001"])


def test_a_tight_availability_tightens_the_timers_as_a_failover_objective_would(compile_text: Compile) -> None:
    loose = compile_text(MANIFEST.replace("60s", "120s"))
    tight = compile_text(
        MANIFEST.replace("{failover: 60s}", "{failover: 120s, availability: 99.99%, faults_per_year: 100}")
    )
    assert loose.cluster is not None and tight.cluster is not None, [each.message for each in tight.diagnostics]
    slowest = max(each.seconds or 0 for each in tight.cluster.bounds)
    assert slowest <= 31.536 < max(each.seconds or 0 for each in loose.cluster.bounds)
