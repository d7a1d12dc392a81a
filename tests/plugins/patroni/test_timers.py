"""Timers follow from the objectives; the bounds are those of FACTS.md, section 1."""

from __future__ import annotations

import pytest

from pgc_patroni import timers, times
from tests.plugins.patroni.conftest import Compiled, bound, manifest, settled

LOCK = ("host lost", "host and DCS leader lost", "network cut")


def test_a_loose_objective_keeps_the_vendors_defaults(compiled: Compiled) -> None:
    found = compiled(manifest(objectives="{failover: 10min, data_loss: none}"))
    values = {field: settled(found, f"{field}_s") for field in timers.CANDIDATES}
    assert values == {
        "ttl": 30,
        "loop_wait": 10,
        "retry_timeout": 10,
        "primary_start_timeout": 300,
        "primary_stop_timeout": 60,
        "max_standby_streaming_delay": 30,
    }


def test_two_minutes_do_not_get_the_shortest_ttl(compiled: Compiled) -> None:
    found = compiled(manifest(objectives="{failover: 120s, data_loss: none}"))
    assert settled(found, "ttl_s") == 30
    assert settled(found, "loop_wait_s") == 10


def test_half_a_minute_is_met_with_a_ttl_of_at_least_twenty(compiled: Compiled) -> None:
    found = compiled(manifest(objectives="{failover: 30s, data_loss: none}"))
    for fault in (*LOCK, "postgres crashed", "switchover"):
        assert bound(found, fault).seconds <= 30, fault
    assert settled(found, "ttl_s") >= 20
    assert settled(found, "loop_wait_s") + 2 * settled(found, "retry_timeout_s") <= settled(found, "ttl_s")


def test_twenty_seconds_are_refused_with_the_objective_as_the_place(compiled: Compiled) -> None:
    found = compiled(manifest(objectives="{failover: 20s, data_loss: none}"))
    assert found.bundle is None
    assert {each.code for each in found.diagnostics} == {"SET001"}
    assert all(each.span.line == 5 for each in found.diagnostics)


def test_the_bound_after_a_lost_host_is_ttl_and_half_a_second_loop_wait_and_two_and_the_promotion(
    compiled: Compiled,
) -> None:
    found = compiled(
        manifest(
            "{ttl: 30s, loop_wait: 10s, retry_timeout: 10s, max_standby_streaming_delay: 1s}",
            "{failover: 5min, data_loss: none}",
        )
    )
    promotion = round(1 + 1 / 64, 3) * 1 + times.PROMOTION_S
    for fault in LOCK:
        assert bound(found, fault).seconds == pytest.approx(30 + 0.5 + 10 + 2 + promotion)


def test_the_bound_after_a_crash_has_two_loops_and_the_time_to_start(compiled: Compiled) -> None:
    text = "{ttl: 20s, loop_wait: 2s, retry_timeout: 6s, primary_start_timeout: 10s, max_standby_streaming_delay: 1s}"
    found = compiled(manifest(text, "{failover: 60s, data_loss: none}"))
    assert bound(found, "postgres crashed").seconds == pytest.approx(2 * 2 + 10 + 2 + 1.516)


def test_a_start_timeout_of_zero_costs_one_loop_less_to_wait(compiled: Compiled) -> None:
    """Source: docs/dynamic_configuration.rst: unless it is zero, in which case it's just loop_wait."""
    text = "{ttl: 20s, loop_wait: 2s, retry_timeout: 6s, primary_start_timeout: 0s, max_standby_streaming_delay: 1s}"
    found = compiled(manifest(text, "{failover: 60s, data_loss: none}"))
    assert bound(found, "postgres crashed").seconds == pytest.approx(2 + 2 + 2 + 1.516)


def test_what_no_timer_ends_is_never_promised(compiled: Compiled) -> None:
    found = compiled(manifest())
    for fault in ("postmaster frozen", "disk full", "one-way cut", "two faults at once"):
        assert bound(found, fault).seconds is None
        assert bound(found, fault).unbounded


# ── synchronous standbys ──


def test_quorum_commit_does_not_stall_while_another_standby_is_left(compiled: Compiled) -> None:
    assert bound(compiled(manifest()), "synchronous standby lost").seconds == 0


def test_the_only_standby_of_a_strict_pair_stalls_without_bound(compiled: Compiled) -> None:
    pair = "\n  pg1: {address: 10.0.0.11, zone: a}\n  pg2: {address: 10.0.0.12, zone: b}\n"
    found = compiled(manifest("{synchronous: {accept_stall: true}}", hosts=pair))
    assert bound(found, "synchronous standby lost").seconds is None


def test_without_strict_mode_the_stall_is_ttl_and_a_loop(compiled: Compiled) -> None:
    pair = "\n  pg1: {address: 10.0.0.11, zone: a}\n  pg2: {address: 10.0.0.12, zone: b}\n"
    found = compiled(
        manifest(
            "{ttl: 20s, loop_wait: 2s, retry_timeout: 6s, synchronous: {mode: quorum}}",
            "{failover: 60s, data_loss: 64MB}",
            pair,
        )
    )
    assert bound(found, "synchronous standby lost").seconds == pytest.approx(22.5)


def test_mode_on_replaces_a_lost_standby_after_ttl_and_a_loop(compiled: Compiled) -> None:
    found = compiled(
        manifest('{version: "3.3", ttl: 20s, loop_wait: 2s, retry_timeout: 6s}', "{failover: 60s, data_loss: none}")
    )
    assert bound(found, "synchronous standby lost").seconds == pytest.approx(22.5)


def test_an_asynchronous_switchover_has_no_bound(compiled: Compiled) -> None:
    found = compiled(manifest(objectives="{failover: 60s, data_loss: 64MB}"))
    assert bound(found, "switchover").seconds is None
    assert "primary_stop_timeout" in bound(found, "switchover").unbounded


def test_a_watchdog_doubles_what_a_stop_may_take(compiled: Compiled) -> None:
    text = "{{primary_stop_timeout: 10s, max_standby_streaming_delay: 1s, watchdog: {{mode: {}}}}}"
    seconds = [
        bound(compiled(manifest(text.format(mode), "{failover: 60s, data_loss: none}")), "switchover").seconds
        for mode in ("off", "automatic")
    ]
    assert seconds == [pytest.approx(10 + 1 + 2 + 1.516), pytest.approx(20 + 1 + 2 + 1.516)]


# ── watchdog, loss ──


def test_half_of_ttl_as_a_margin_makes_the_other_timers_fit(compiled: Compiled) -> None:
    found = compiled(manifest("{watchdog: {safety_margin: half}}", "{failover: 10min, data_loss: none}"))
    needed = settled(found, "loop_wait_s") + settled(found, "retry_timeout_s") + timers.SAFEPOINT_S
    assert needed <= settled(found, "ttl_s") / 2


def test_an_amount_of_loss_bounds_lag_and_ttl(compiled: Compiled) -> None:
    found = compiled(manifest(objectives="{failover: 5min, data_loss: 64MB, wal_rate: 3MB}"))
    assert settled(found, "maximum_lag_bytes") + 3 * 1024**2 * settled(found, "ttl_s") <= 64 * 1024**2
    assert settled(found, "ttl_s") < 30


def test_loss_that_asynchronous_replication_cannot_keep_makes_it_synchronous(compiled: Compiled) -> None:
    from tests.plugins.patroni.conftest import dynamic

    found = dynamic(compiled(manifest(objectives="{failover: 60s, data_loss: 16MB, wal_rate: 1MB}")))
    assert found["synchronous_mode"] == "quorum"
    assert found["synchronous_mode_strict"] is False


def test_asynchronous_by_hand_with_too_little_loss_is_refused(compiled: Compiled) -> None:
    found = compiled(manifest("{synchronous: {mode: off}}", "{failover: 60s, data_loss: 16MB, wal_rate: 1MB}"))
    assert [each.code for each in found.diagnostics] == ["SET001"]
    assert "data_loss" in found.diagnostics[0].message


def test_every_ttl_to_choose_from_is_even() -> None:
    assert all(value % 2 == 0 for value in timers.CANDIDATES[timers.TTL][0])
    for candidates, _, _ in timers.CANDIDATES.values():
        assert list(candidates) == sorted(candidates, reverse=True)
