"""What needs others' facts: connections from everybody's claims, memory from what else runs on a host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pgc.cluster import Host, Site
from pgc.facts import Budget, Fact, Facts, MemoryClaim
from pgc.provenance import Origin
from pgc.terms import Term
from pgc_postgres import sizing, surroundings
from pgc_postgres.by_hand import given
from pgc_postgres.connections import connection_facts, connection_rows, demand_of
from pgc_postgres.parameters import Row, shown
from pgc_postgres.section import PostgresSection
from pgc_postgres.sizing import Demand, Machine, Memory

DERIVED = (
    "max_connections",
    "superuser_reserved_connections",
    "max_wal_senders",
    "max_replication_slots",
    "shared_buffers",
    "work_mem",
    "maintenance_work_mem",
    "autovacuum_work_mem",
    "effective_cache_size",
    "huge_pages",
    "temp_file_limit",
    "archive_command",
    "ssl",
    "ssl_cert_file",
    "ssl_key_file",
    "ssl_ca_file",
    "ssl_min_protocol_version",
)
"""The parameters that this module gives."""


@dataclass(frozen=True, slots=True)
class Sized:
    """One host with its share."""

    host: Host
    machine: Machine
    memory: Memory


def derive(section: PostgresSection, site: Site, hosts: tuple[Host, ...], known: Facts) -> Iterator[Fact]:
    """Give the parameters, claims and budgets that depend on what others claim."""
    rows = [*connection_rows(section, site, known)]
    demand = demand_of(section, site, hosts, known)
    sized = size_hosts(section, hosts, known, demand)
    rows += _memory_rows(section, sized, demand)
    rows += surroundings.disk_rows(hosts)
    rows += surroundings.archive_rows(known)
    rows += surroundings.tls_rows(hosts, known)
    taken = given(section)
    yield from (row.fact() for row in rows if row.name not in taken)
    yield from connection_facts(section, site, known, demand)
    yield from _memory_facts(sized, demand)
    yield from surroundings.disk_facts(section, site, hosts)


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def size_hosts(section: PostgresSection, hosts: tuple[Host, ...], known: Facts, demand: Demand) -> tuple[Sized, ...]:
    """Size every host, equal machines once; what sessions use is what the smallest host bears, shared_buffers is each host's own."""
    machines = [Machine(host.memory_bytes, host.cores, _others(host, known)) for host in hosts]
    memories = {machine: sizing.size(machine, demand) for machine in dict.fromkeys(machines)}
    common = sizing.smallest(memories.values())
    return tuple(
        Sized(
            host,
            machine,
            Memory(
                memories[machine].shared_buffers,
                common.work_mem,
                common.maintenance_work_mem,
                common.autovacuum_work_mem,
            ),
        )
        for host, machine in zip(hosts, machines, strict=True)
    )


def _others(host: Host, known: Facts) -> int:
    amount = 0
    for claim in known.on(host.name, MemoryClaim):
        value = claim.claim_bytes
        if not isinstance(value, Term):
            amount += int(value)
        elif not value.variables():
            amount += int(value.evaluate({}))
    return amount


def _memory_rows(section: PostgresSection, sized: tuple[Sized, ...], demand: Demand) -> Iterator[Row]:
    least = min(sized, key=lambda each: (each.machine.memory - each.machine.others, each.host.name))
    host = (least.host.path / "memory",)
    memory, k = least.memory, sizing.SORTS_A_CONNECTION[demand.workload]
    yield from _each(
        sized,
        "shared_buffers",
        lambda each: shown(each.memory.shared_buffers),
        "a quarter of the memory, less where connections need it",
    )
    yield from _each(
        sized,
        "effective_cache_size",
        lambda each: shown(sizing.cache_bytes(each.memory, each.machine)),
        "shared buffers and three quarters of what others leave to the page cache",
    )
    yield Row(
        "work_mem",
        shown(memory.work_mem),
        f"{demand.connections} connections × {k} sorts and {demand.parallel_workers} parallel workers "
        f"fit on {least.host.name}",
        host,
    )
    yield Row(
        "maintenance_work_mem",
        shown(memory.maintenance_work_mem),
        "a sixteenth of the memory at most: index builds and foreign keys",
        host,
    )
    yield Row(
        "autovacuum_work_mem",
        shown(memory.autovacuum_work_mem),
        f"{demand.autovacuum_workers} autovacuum workers may take it at once",
        host,
    )
    yield Row(
        "huge_pages",
        "try" if section.huge_pages else "off",
        "reserved by vm.nr_hugepages; `try` still starts where the kernel has none left"
        if section.huge_pages
        else "switched off in the manifest",
    )


def _each(sized: tuple[Sized, ...], name: str, value_of: Callable[[Sized], str], reason: str) -> Iterator[Row]:
    values = [value_of(each) for each in sized]
    if len(set(values)) == 1:
        yield Row(name, values[0], reason, (sized[0].host.path / "memory",))
        return
    for each, value in zip(sized, values, strict=True):
        yield Row(name, value, reason, (each.host.path / "memory",), each.host.name)


def _memory_facts(sized: tuple[Sized, ...], demand: Demand) -> Iterator[Fact]:
    terms: dict[tuple[Machine, Memory], tuple[tuple[str, int], ...]] = {}
    for each in sized:
        origin = Origin((each.host.path / "memory",), "what PostgreSQL takes at the worst")
        key = each.machine, each.memory
        if key not in terms:
            terms[key] = (
                ("kernel and system services", sizing.system_bytes(each.machine.memory)),
                *sizing.claims(each.memory, demand),
            )
        for what, amount in terms[key]:
            yield MemoryClaim(host=each.host.name, what=what, claim_bytes=amount, origin=origin)
        yield Budget(
            of="MemoryClaim",
            pool=each.host.name,
            limit=each.machine.memory,
            what=f"memory of {each.host.name}",
            origin=origin,
        )
