"""Memory set by hand, against what the hosts have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pgc.cluster import Cluster, Host
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.fields import show_size
from pgc_postgres import by_hand, sizing
from pgc_postgres.settled import Settled, machine
from pgc_postgres.sizing import MIB, Demand, Machine, Memory

PGS020 = Code(
    "PGS020",
    "memory-set-too-high",
    Severity.ERROR,
    what="{name} is set to {given}; with everything else that runs on {host}, {most} would fit",
    why="at the worst {host} needs {needed} of its {memory}: the kernel refuses memory to queries, or kills the server",
    help="set {name} to {most} or less, or remove it: it is derived from the host",
    example="hosts:\n  pg1: {address: 10.0.0.11, memory: 8GB}\npostgres:\n  parameters: {work_mem: 256MB}",
)
PGS021 = Code(
    "PGS021",
    "cache-larger-than-memory",
    Severity.WARNING,
    what="effective_cache_size is {given}, but {host} has {memory}",
    why="the planner would count on pages in memory that cannot be there, and choose index scans that read the disk",
    help="remove it: it is derived from the host",
    example="postgres:\n  parameters: {effective_cache_size: 64GB}",
)
PGS022 = Code(
    "PGS022",
    "shared-buffers-crowd-the-cache",
    Severity.WARNING,
    what="shared_buffers is {given}, {share} % of the memory of {host}",
    why="PostgreSQL reads through the kernel's page cache: above 40 % both hold the same pages, and "
    "checkpoints write more at once",
    help="keep it at 40 % or less, or remove it: it is derived",
    example="hosts:\n  pg1: {address: 10.0.0.11, memory: 8GB}\npostgres:\n  parameters: {shared_buffers: 4GB}",
)
PGS023 = Code(
    "PGS023",
    "shared-buffers-squeezed",
    Severity.WARNING,
    what="{given} of {memory} are left for shared_buffers on {host}, less than a tenth",
    why="everything else takes so much at the worst that PostgreSQL would read most pages from the disk again and again",
    help="lower what takes the memory: work_mem set by hand, connections, the sizes of pools; or give the host more",
    example="postgres:\n  parameters: {work_mem: 64MB}   # with many connections",
)
CODES = (PGS020, PGS021, PGS022, PGS023)

PARAMETERS = Path(("postgres", "parameters"))
BY_HAND = (*sizing.BY_HAND, "max_connections")


def check(cluster: Cluster, settled: Settled, hosts: tuple[Host, ...]) -> Iterator[Finding]:
    """Yield memory parameters of the manifest that the smallest host cannot bear."""
    written = (
        {name: PARAMETERS / key for name, (key, _) in by_hand.given(cluster.section).items()}
        if cluster.section.parameters
        else {}
    )
    given = [name for name in (*BY_HAND, "effective_cache_size") if name in written]
    if not hosts:
        return
    demand = settled.demand(cluster.section.workload)
    boxes = {host.name: machine(cluster, host) for host in hosts}
    host = min(hosts, key=lambda each: (boxes[each.name].memory - boxes[each.name].others, each.name))
    box, memory = boxes[host.name], settled.memory(host)
    fits = sizing.fits(memory, box, demand)
    if fits and "shared_buffers" not in given and memory.shared_buffers < box.memory // 10:
        places = [written[name] for name in given] or [host.path / "memory"]
        sizes = {"given": show_size(memory.shared_buffers), "memory": show_size(box.memory)}
        yield PGS023.at(*places, host=host.name, **sizes)
    if not given:
        return
    if not fits:
        for name in given:
            if name in BY_HAND:
                yield from _too_high(name, written[name], host, box, memory, demand)
    cache = settled.number("effective_cache_size", host.name)
    if "effective_cache_size" in given and cache > box.memory:
        yield PGS021.at(
            written["effective_cache_size"],
            host.path / "memory",
            given=show_size(cache),
            host=host.name,
            memory=show_size(box.memory),
        )
    if "shared_buffers" in given and memory.shared_buffers > 0.4 * box.memory:
        share = round(100 * memory.shared_buffers / box.memory, 1)
        yield PGS022.at(
            written["shared_buffers"],
            host.path / "memory",
            given=show_size(memory.shared_buffers),
            share=share,
            host=host.name,
        )


def _too_high(name: str, at: Path, host: Host, box: Machine, memory: Memory, demand: Demand) -> Iterator[Finding]:
    if name == "max_connections":
        shown, most = str(demand.connections), str(_most_connections(box, memory, demand))
    else:
        given = getattr(memory, name)
        usual = memory if name == "shared_buffers" else replace(memory, shared_buffers=max(memory.shared_buffers, box.memory // 8))
        fitting = largest(name, box, usual, demand) or largest(name, box, memory, demand)
        shown, most = show_size(given), show_size(fitting) if fitting else "nothing"
    yield PGS020.at(
        at,
        host.path / "memory",
        name=name,
        given=shown,
        host=host.name,
        most=most,
        needed=_rounded(sizing.total(memory, demand) + box.others + sizing.system_bytes(box.memory)),
        memory=show_size(box.memory),
    )


def largest(name: str, box: Machine, memory: Memory, demand: Demand) -> int:
    """Return the largest value of one memory parameter, in bytes, that fits beside the others as they are; 0 where none does."""
    low, high = 0, getattr(memory, name) // MIB
    while low < high:
        middle = (low + high + 1) // 2
        if sizing.fits(replace(memory, **{name: middle * MIB}), box, demand):
            low = middle
        else:
            high = middle - 1
    return low * MIB


def _most_connections(box: Machine, memory: Memory, demand: Demand) -> int:
    low, high = 0, demand.connections
    while low < high:
        middle = (low + high + 1) // 2
        if sizing.fits(memory, box, replace(demand, connections=middle)):
            low = middle
        else:
            high = middle - 1
    return low


def _rounded(amount: int) -> str:
    return show_size(amount // MIB * MIB)
