"""How a host's memory is shared out, so that it adds up at the worst.

    system + others + shared memory + backends + (connections × k + parallel workers) × work_mem
        + autovacuum workers × autovacuum_work_mem + maintenance_work_mem + walsenders × logical_decoding_work_mem ≤ memory

The page cache is not a claim: the kernel gives it back. A backend is taken at 4 MiB: below 2 MiB are its own right after the start, its
catalogue caches and page tables grow in use. `k` is how many sorts or hashes one connection does at once.

Source: PostgreSQL, 20.4 Resource Consumption; A. Freund, Measuring the memory overhead of a Postgres connection (2020). The size of the
shared memory was fitted to `postgres -C shared_memory_size` of 15 and 18; tests compare it with servers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

KIB, MIB, GIB = 1024, 1024**2, 1024**3

SORTS_A_CONNECTION = {"oltp": 1, "mixed": 2, "analytics": 4}
WORK_MEM_MOST = {"oltp": 64 * MIB, "mixed": 256 * MIB, "analytics": 2 * GIB}
WORK_MEM_LEAST = 1 * MIB
BACKEND_BYTES = 4 * MIB
SHARED_SHARES = (0.25, 0.20, 0.15, 0.10, 0.05)
SHARED_LEAST = 32 * MIB
MAINTENANCE_LEAST = 16 * MIB
HUGE_PAGE = 2 * MIB
BY_HAND = ("shared_buffers", "work_mem", "maintenance_work_mem", "autovacuum_work_mem")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a host has: bytes of memory, cores, and the bytes that others on it claim."""

    memory: int
    cores: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """What the cluster asks of each host. `by_hand` holds memory parameters, in bytes, that the manifest fixes."""

    connections: int
    walsenders: int
    worker_processes: int
    parallel_workers: int
    autovacuum_workers: int
    locks: int = 64
    workload: str = "oltp"
    major: int = 17
    logical: bool = False
    by_hand: Mapping[str, int] = None  # type: ignore[assignment]

    def fixed(self, name: str) -> int | None:
        """Return a parameter that the manifest fixes, in bytes, or None."""
        return self.by_hand.get(name) if self.by_hand else None

    @property
    def backends(self) -> int:
        """Return the number of server processes at most."""
        return self.connections + self.walsenders + self.worker_processes + self.autovacuum_workers + 6


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory parameters of a host, in bytes."""

    shared_buffers: int
    work_mem: int
    maintenance_work_mem: int
    autovacuum_work_mem: int


def system_bytes(memory: int) -> int:
    """Return what never reaches a process: what the firmware and the kernel keep back, 256 MiB and 2 % for services."""
    return unseen_bytes(memory) + 256 * MIB + memory // 50


def unseen_bytes(memory: int) -> int:
    """Return by how much MemTotal falls short of a machine's nominal memory: 5 % (7782 of 8192 MiB on a usual one)."""
    return memory // 20


def shared_bytes(shared_buffers: int, demand: Demand) -> int:
    """Return the size of the shared memory segment, a little on the safe side."""
    each = 28 * KIB + demand.locks * 512
    return int(shared_buffers * 1.03) + 40 * MIB + demand.backends * each


def claims(memory: Memory, demand: Demand) -> tuple[tuple[str, int], ...]:
    """Return what PostgreSQL takes at the worst, term by term, in bytes."""
    sorts = demand.connections * SORTS_A_CONNECTION[demand.workload] + demand.parallel_workers
    terms = [
        ("PostgreSQL: shared memory", shared_bytes(memory.shared_buffers, demand)),
        (f"PostgreSQL: {demand.backends} processes", demand.backends * BACKEND_BYTES),
        (f"PostgreSQL: {sorts} × work_mem", sorts * memory.work_mem),
        (
            f"PostgreSQL: {demand.autovacuum_workers} × autovacuum_work_mem",
            demand.autovacuum_workers * memory.autovacuum_work_mem,
        ),
        ("PostgreSQL: maintenance_work_mem", memory.maintenance_work_mem),
    ]
    if demand.logical:
        terms.append((f"PostgreSQL: {demand.walsenders} × logical_decoding_work_mem", demand.walsenders * 64 * MIB))
    return tuple(terms)


def total(memory: Memory, demand: Demand) -> int:
    """Return what PostgreSQL takes at the worst, in bytes."""
    return sum(amount for _, amount in claims(memory, demand))


def available(machine: Machine) -> int:
    """Return what is left for PostgreSQL, in bytes; not below zero."""
    return max(0, machine.memory - machine.others - system_bytes(machine.memory))


def fits(memory: Memory, machine: Machine, demand: Demand) -> bool:
    """Say whether everything that may run on the host at once has memory."""
    return total(memory, demand) <= available(machine)


def size(machine: Machine, demand: Demand) -> Memory:
    """Return the memory parameters of a host: as generous as the host allows, in the order shared_buffers, maintenance, work_mem.

    A quarter of the memory goes to shared_buffers, less where connections leave no room for work_mem; where even the least values
    do not fit they are returned as they are, and the budget of the host says so.
    """
    least = Memory(SHARED_LEAST, WORK_MEM_LEAST, MAINTENANCE_LEAST, MAINTENANCE_LEAST)
    for share in SHARED_SHARES:
        for divisor in (1, 4, 16):
            tried = _fixed(_proposal(machine, demand, share, divisor), demand)
            if fits(tried, machine, demand):
                return _with_work_mem(tried, machine, demand)
    return _fixed(least, demand)


def _proposal(machine: Machine, demand: Demand, share: float, divisor: int) -> Memory:
    shared = max(SHARED_LEAST, round_down(int(machine.memory * share)))
    maintenance = max(MAINTENANCE_LEAST, round_down(min(machine.memory // 16, 2 * GIB) // divisor))
    # Before 17 a vacuum uses at most 1 GB, 6 bytes a dead row; from 17 on a radix tree holds as many in a fraction of it.
    vacuum = max(
        MAINTENANCE_LEAST, round_down(min(machine.memory // 64, GIB if demand.major < 17 else 256 * MIB) // divisor)
    )
    wanted = WORK_MEM_LEAST * (4 if share > SHARED_SHARES[-1] else 1)
    return Memory(shared, wanted, maintenance, vacuum)


def _fixed(memory: Memory, demand: Demand) -> Memory:
    given = {name: value for name in BY_HAND if (value := demand.fixed(name)) is not None}
    if given.get("autovacuum_work_mem", 0) < 0:  # -1 takes maintenance_work_mem
        given["autovacuum_work_mem"] = given.get("maintenance_work_mem", memory.maintenance_work_mem)
    return replace(memory, **given) if given else memory


def _with_work_mem(memory: Memory, machine: Machine, demand: Demand) -> Memory:
    """Give work_mem what is left, at most what the workload has a use for."""
    if demand.fixed("work_mem") is not None:
        return memory
    sorts = demand.connections * SORTS_A_CONNECTION[demand.workload] + demand.parallel_workers
    left = available(machine) - total(replace(memory, work_mem=0), demand)
    most = min(WORK_MEM_MOST[demand.workload], max(memory.work_mem, memory.shared_buffers // 4))
    return replace(memory, work_mem=max(memory.work_mem, min(most, round_down(left // max(1, sorts)))))


def smallest(sizes: Iterable[Memory]) -> Memory:
    """Return the smallest of every parameter: what fits every host."""
    every = tuple(sizes)
    return Memory(
        min(each.shared_buffers for each in every),
        min(each.work_mem for each in every),
        min(each.maintenance_work_mem for each in every),
        min(each.autovacuum_work_mem for each in every),
    )


def cache_bytes(memory: Memory, machine: Machine) -> int:
    """Return effective_cache_size: shared_buffers and the page cache that a usual load leaves, in bytes."""
    left = machine.memory - machine.others - system_bytes(machine.memory)
    return max(memory.shared_buffers, round_down(max(memory.shared_buffers, int(left * 0.75))))


def huge_pages(memory: Memory, demand: Demand) -> int:
    """Return vm.nr_hugepages for the shared memory, in pages of 2 MiB."""
    return math.ceil(shared_bytes(memory.shared_buffers, demand) / HUGE_PAGE)


def overcommit_ratio(machine: Machine, pages: int) -> int:
    """Return vm.overcommit_ratio in percent: what processes may take, of the memory that the kernel sees and counts.

    Source: Linux, Documentation/mm/overcommit-accounting: CommitLimit = (RAM − huge pages) × ratio / 100 + swap.
    """
    reserved = pages * HUGE_PAGE
    countable = max(1, machine.memory - unseen_bytes(machine.memory) - reserved)
    return max(50, min(95, 100 * (machine.memory - system_bytes(machine.memory) - reserved) // countable))


def round_down(amount: int) -> int:
    """Round bytes down to a number that people would write: three bits of precision, whole MiB."""
    if amount < 8 * MIB:
        return amount // MIB * MIB
    step = max(MIB, 1 << (amount.bit_length() - 3))
    return amount // step * step


def round_up(amount: float, step: int) -> int:
    """Round up to a multiple of `step`."""
    return math.ceil(amount / step) * step
