"""Memory adds up on every host that can be described, or the compiler says that it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pgc_postgres import sizing
from pgc_postgres.sizing import GIB, MIB, Demand, Machine, Memory
from tests.conftest import FULL
from tests.plugins.postgres.conftest import HEAD, MAJORS, bin_dir, compile_with, registry_of

EXAMPLES = 2000 if FULL else 200

MACHINES = st.builds(
    Machine, memory=st.integers(1 * GIB, 4096 * GIB), cores=st.integers(1, 256), others=st.integers(0, 8 * GIB)
)
DEMANDS = st.builds(
    Demand,
    connections=st.integers(1, 100_000),
    walsenders=st.integers(0, 100),
    worker_processes=st.integers(8, 300),
    parallel_workers=st.integers(0, 256),
    autovacuum_workers=st.integers(3, 8),
    workload=st.sampled_from(("oltp", "mixed", "analytics")),
    major=st.sampled_from(MAJORS),
    logical=st.booleans(),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(MACHINES, DEMANDS)
def test_what_is_sized_fits_or_nothing_smaller_would(machine: Machine, demand: Demand) -> None:
    memory = sizing.size(machine, demand)
    if not sizing.fits(memory, machine, demand):
        least = Memory(sizing.SHARED_LEAST, sizing.WORK_MEM_LEAST, sizing.MAINTENANCE_LEAST, sizing.MAINTENANCE_LEAST)
        assert not sizing.fits(least, machine, demand)
    assert memory.shared_buffers >= 16 * 8192 and memory.work_mem >= 64 * 1024
    assert memory.maintenance_work_mem >= 1 * MIB and memory.autovacuum_work_mem >= 1 * MIB
    assert memory.shared_buffers % 8192 == 0 and memory.work_mem % 1024 == 0
    assert 50 <= sizing.overcommit_ratio(machine, sizing.huge_pages(memory, demand)) <= 95


@settings(max_examples=EXAMPLES, deadline=None)
@given(MACHINES, DEMANDS, st.integers(1, 64))
def test_more_memory_never_gives_less(machine: Machine, demand: Demand, more: int) -> None:
    small = sizing.size(machine, demand)
    large = sizing.size(Machine(machine.memory + more * GIB, machine.cores, machine.others), demand)
    if sizing.fits(small, machine, demand):
        assert sizing.fits(large, Machine(machine.memory + more * GIB, machine.cores, machine.others), demand)


@settings(max_examples=100 if FULL else 25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4096), st.integers(1, 256)), min_size=1, max_size=4),
    st.integers(1, 100_000),
    st.sampled_from(MAJORS),
    st.sampled_from(("oltp", "mixed", "analytics")),
)
@example([(1, 1)], 100_000, 18, "analytics")
@example([(1, 1)], 30, 15, "oltp")
@example([(4096, 256), (1, 1)], 200, 17, "mixed")
def test_a_cluster_fits_its_budgets_or_gets_a_diagnostic(
    hosts: list[tuple[int, int]], connections: int, major: int, workload: str
) -> None:
    rows = "".join(
        f"  pg{i}: {{address: 10.0.0.{i + 1}, memory: {memory}GB, cores: {cores}}}\n"
        for i, (memory, cores) in enumerate(hosts)
    )
    text = f"{HEAD}objectives: {{connections: {connections}}}\nhosts:\n{rows}postgres: {{version: {major}, workload: {workload}}}\n"
    compiled = compile_with(registry_of("postgres"), text)
    cluster = compiled.whole.cluster
    if cluster is None:
        assert set(compiled.codes) == {"BUD001"}, compiled.messages
        return
    from pgc.budgets import all_budgets

    for budget, claims in all_budgets(cluster.facts):
        assert sum(amount for _, amount in claims) <= budget.limit, budget  # type: ignore[operator]


def test_equal_hosts_share_one_value_and_unequal_ones_have_their_own(alone) -> None:  # type: ignore[no-untyped-def]
    rows = "hosts:\n  a: {address: 10.0.0.1, memory: 64GB}\n  b: {address: 10.0.0.2, memory: 16GB}\npostgres: {version: 17}\n"
    found = alone(HEAD + rows).parameters()
    assert found["shared_buffers", "a"] == "16GB" and found["shared_buffers", "b"] == "4GB"
    assert ("work_mem", "") in found and ("work_mem", "a") not in found
    same = alone(HEAD + rows.replace("64GB", "16GB")).parameters()
    assert same["shared_buffers", ""] == "4GB" and same["work_mem", ""] == found["work_mem", ""]


LARGE = [(128 * MIB, 100, 64), (1 * GIB, 300, 64), (8 * GIB, 500, 64), (64 * GIB, 5000, 64), (512 * MIB, 1000, 256)]


@pytest.mark.xdist_group("postgres-server")
@pytest.mark.parametrize("major", MAJORS)
def test_shared_memory_is_what_the_server_says(major: int) -> None:
    programs = bin_dir(major)
    if programs is None:
        pytest.skip(f"no PostgreSQL {major} on this machine")
    home = f"/tmp/pgc-sizing-{os.getpid()}-{major}"
    user: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    shutil.rmtree(home, ignore_errors=True)
    os.mkdir(home, 0o755)
    if user:
        shutil.chown(home, "nobody")
    try:
        made = [programs / "initdb", "-D", home + "/d", "-A", "trust", "-N"]
        subprocess.run(made, check=True, capture_output=True, cwd=home, **user)
        for shared, connections, locks in LARGE:
            command = [programs / "postgres", "-D", home + "/d", "-C", "shared_memory_size_in_huge_pages"]
            command += ["-c", f"shared_buffers={shared // 8192}", "-c", f"max_connections={connections}"]
            command += ["-c", f"max_locks_per_transaction={locks}", "-c", "max_worker_processes=12"]
            said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=home, **user)
            demand = Demand(connections, 10, 12, parallel_workers=4, autovacuum_workers=3, locks=locks, major=major)
            ours, real = sizing.huge_pages(Memory(shared, MIB, MIB, MIB), demand), int(said.stdout)
            assert real <= ours <= real * 1.06 + 32, (shared, connections, real, ours)
    finally:
        shutil.rmtree(home, ignore_errors=True)
