"""What needs others' facts: connections from everybody's claims, memory from what else runs on a host, TLS from certificates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import Budget, Certificate, ConnectionClaim, DiskClaim, Endpoint, Fact, Facts, MemoryClaim, Parameter
from pgc.fields import show_size
from pgc.provenance import Origin
from pgc.terms import Number, Term
from pgc_postgres import sizing
from pgc_postgres.catalogue import ParameterSpec, ValueRefused, load, parse_value
from pgc_postgres.parameters import Row, autovacuum_workers, given, shown, wal_sizes
from pgc_postgres.section import PostgresSection
from pgc_postgres.sizing import Demand, Machine, Memory, round_up
from pgc_postgres.storage import USABLE, wal_disk

SUPERUSER_RESERVED = 5
LEAST_CONNECTIONS = 30  # Patroni returns to the default below 25
SPARE_WALSENDERS = 3
CONNECTIONS = Path(("objectives", "connections"))

DERIVED = (
    "max_connections", "superuser_reserved_connections", "max_wal_senders", "max_replication_slots", "shared_buffers", "work_mem",
    "maintenance_work_mem", "autovacuum_work_mem", "effective_cache_size", "huge_pages", "temp_file_limit", "archive_command",
    "ssl", "ssl_cert_file", "ssl_key_file", "ssl_ca_file", "ssl_min_protocol_version",
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
    rows += _disk_rows(section, hosts)
    rows += _archive_rows(known)
    rows += _tls_rows(hosts, known)
    taken = given(section)
    yield from (row.fact() for row in rows if row.name not in taken)
    yield from _connection_facts(section, site, known, demand)
    yield from _memory_facts(sized, demand)
    yield from _disk_facts(section, site, hosts)


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────────


def own_claims(section: PostgresSection, site: Site, known: Facts) -> Iterator[ConnectionClaim]:
    """Yield what nobody else can claim: administrators, and the applications where no pool stands before PostgreSQL."""
    if section.administrators:
        yield ConnectionClaim(
            what="administrators, migrations, dumps", slot="client", count=section.administrators, origin=site.origin("postgres", "administrators"))
    if not known.all(Endpoint, "pg.pooled"):
        yield ConnectionClaim(what="applications, without a pool", slot="client", count=site.objectives.connections, origin=site.origin("objectives", "connections"))


def claimed(slot: str, *groups: Iterable[ConnectionClaim]) -> Number:
    """Add up the claims on a slot; a count that is still open is left to the budget, which is judged once it is settled."""
    found = 0
    for group in groups:
        for claim in group:
            count = claim.count
            if isinstance(count, Term):
                if count.variables():
                    continue
                count = count.evaluate({})
            if claim.slot == slot:
                found += int(count)
    return found


def connection_rows(section: PostgresSection, site: Site, known: Facts) -> Iterator[Row]:
    """Yield max_connections and the slots of walsenders, from what everybody claims."""
    own, others = tuple(own_claims(section, site, known)), known.all(ConnectionClaim)
    clients, reserved = claimed("client", own, others), claimed("reserved", own, others)
    wanted = int(max(LEAST_CONNECTIONS, round_up((clients + reserved + SUPERUSER_RESERVED) * 1.1, 10)))
    names = ", ".join(f"{claim.what} {claim.count}" for claim in (*own, *others) if claim.slot != "walsender")
    yield Row("max_connections", wanted, f"{names}, superusers {SUPERUSER_RESERVED}, and a tenth to spare", (CONNECTIONS,))
    yield Row("superuser_reserved_connections", SUPERUSER_RESERVED, "the HA layer and an administrator get in when all other slots are taken")
    senders = max(10, int(claimed("walsender", others)) + SPARE_WALSENDERS)
    yield Row("max_wal_senders", senders, f"what replicas and backups claim, and {SPARE_WALSENDERS} to spare; at least PostgreSQL's own 10")
    yield Row("max_replication_slots", senders, "a slot for each walsender")


def number_of(section: PostgresSection, name: str, derived: Number) -> int:
    """Return a count that the manifest may set by hand."""
    return int(by_hand(section, name, derived) or 0)


def by_hand(section: PostgresSection, name: str, default: Number | None = None) -> Number | None:
    """Return a numeric parameter of the manifest in bytes (or as a plain number), or the default where it sets none or a wrong one."""
    found = given(section).get(name) if section.parameters else None
    if found is None:
        return default
    spec = load(section.version).parameters[name]
    try:
        value = parse_value(spec, found[1])
    except ValueRefused:
        return default
    if not isinstance(value, int | float):
        return default
    return value * unit_bytes(spec) if value > 0 else value


def unit_bytes(spec: ParameterSpec) -> int:
    """Return how many bytes a base unit has; 1 where the parameter counts something else."""
    return {"B": 1, "kB": 1024, "8kB": 8192, "16kB": 16384, "32kB": 32768, "MB": 1024**2}.get(spec.unit or "", 1)


def demand_of(section: PostgresSection, site: Site, hosts: tuple[Host, ...], known: Facts) -> Demand:
    """Return what the cluster asks of the memory of each host."""
    rows = {row.name: row.value for row in connection_rows(section, site, known)}
    cores = max((host.cores for host in hosts), default=1)
    fixed = {name: int(value) for name in sizing.BY_HAND if (value := by_hand(section, name)) is not None}
    return Demand(
        connections=number_of(section, "max_connections", rows["max_connections"]),
        walsenders=number_of(section, "max_wal_senders", rows["max_wal_senders"]),
        worker_processes=number_of(section, "max_worker_processes", cores + 8),
        parallel_workers=number_of(section, "max_parallel_workers", cores),
        autovacuum_workers=number_of(section, "autovacuum_max_workers", autovacuum_workers(hosts)),
        locks=number_of(section, "max_locks_per_transaction", 64),
        workload=section.workload, major=section.version, by_hand=fixed,
        logical=given(section).get("wal_level", ("", ""))[1] == "logical",
    )


def _connection_facts(section: PostgresSection, site: Site, known: Facts, demand: Demand) -> Iterator[Fact]:
    yield from own_claims(section, site, known)
    reserved = number_of(section, "superuser_reserved_connections", SUPERUSER_RESERVED) + number_of(section, "reserved_connections", 0)
    reserved += int(claimed("reserved", known.all(ConnectionClaim)))
    taken = given(section)
    where = Path(("postgres", "parameters", taken["max_connections"][0])) if "max_connections" in taken else CONNECTIONS
    yield Budget(
        of="ConnectionClaim", pool="client", limit=demand.connections - reserved, what="connections to PostgreSQL",
        origin=Origin((where,), f"max_connections {demand.connections} less {reserved} reserved"))
    where = Path(("postgres", "parameters", taken["max_wal_senders"][0])) if "max_wal_senders" in taken else Path(("postgres",))
    yield Budget(of="ConnectionClaim", pool="walsender", limit=demand.walsenders, what="replication connections", origin=Origin((where,), "max_wal_senders"))


# ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def size_hosts(section: PostgresSection, hosts: tuple[Host, ...], known: Facts, demand: Demand) -> tuple[Sized, ...]:
    """Size every host, equal machines once; what sessions use is what the smallest host bears, shared_buffers is each host's own."""
    machines = [Machine(host.memory_bytes, host.cores, _others(host, known)) for host in hosts]
    memories = {machine: sizing.size(machine, demand) for machine in dict.fromkeys(machines)}
    common = sizing.smallest(memories.values())
    return tuple(
        Sized(host, machine, Memory(memories[machine].shared_buffers, common.work_mem, common.maintenance_work_mem, common.autovacuum_work_mem))
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
    yield from _each(sized, "shared_buffers", lambda each: shown(each.memory.shared_buffers), "a quarter of the memory, less where connections need it")
    yield from _each(
        sized, "effective_cache_size", lambda each: shown(sizing.cache_bytes(each.memory, each.machine)),
        "shared buffers and three quarters of what others leave to the page cache")
    yield Row("work_mem", shown(memory.work_mem), f"{demand.connections} connections × {k} sorts and {demand.parallel_workers} parallel workers fit on {least.host.name}", host)
    yield Row("maintenance_work_mem", shown(memory.maintenance_work_mem), "a sixteenth of the memory at most: index builds and foreign keys", host)
    yield Row("autovacuum_work_mem", shown(memory.autovacuum_work_mem), f"{demand.autovacuum_workers} autovacuum workers may take it at once", host)
    yield Row(
        "huge_pages", "try" if section.huge_pages else "off",
        "reserved by vm.nr_hugepages; `try` still starts where the kernel has none left" if section.huge_pages else "switched off in the manifest")


def _each(sized: tuple[Sized, ...], name: str, value_of: object, reason: str) -> Iterator[Row]:
    values = [value_of(each) for each in sized]  # type: ignore[operator]
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
            terms[key] = (("kernel and system services", sizing.system_bytes(each.machine.memory)), *sizing.claims(each.memory, demand))
        for what, amount in terms[key]:
            yield MemoryClaim(host=each.host.name, what=what, claim_bytes=amount, origin=origin)
        yield Budget(of="MemoryClaim", pool=each.host.name, limit=each.machine.memory, what=f"memory of {each.host.name}", origin=origin)


# ── disks, archive, TLS ──────────────────────────────────────────────────────────────────────────────────────────────


def _disk_rows(section: PostgresSection, hosts: tuple[Host, ...]) -> Iterator[Row]:
    disks = [host for host in hosts if "data" in host.disks]
    if disks:
        least = min(disks, key=lambda host: (host.disks["data"].size, host.name))
        limit = max(5 * sizing.GIB, least.disks["data"].size // 5 // sizing.GIB * sizing.GIB)
        yield Row("temp_file_limit", shown(limit), "one runaway query must not fill the disk: a fifth of it", (least.path / "disks" / "data" / "size",))


def _disk_facts(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Iterator[Fact]:
    sizes, objectives = wal_sizes(section, site, hosts), site.objectives
    for host in hosts:
        found = wal_disk(host)
        if "data" in host.disks:
            yield DiskClaim(host=host.name, disk="data", what="data", claim_bytes=objectives.data_size, origin=site.origin("objectives", "data_size"))
        if found is not None:
            disk = found[0]
            origin = site.origin("objectives", "wal_rate")
            yield DiskClaim(host=host.name, disk=disk, what="WAL between checkpoints (max_wal_size)", claim_bytes=sizes.max_size, origin=origin)
            yield DiskClaim(host=host.name, disk=disk, what="WAL held for replicas (max_slot_wal_keep_size)", claim_bytes=sizes.slot_cap, origin=origin)
            yield DiskClaim(host=host.name, disk=disk, what="WAL waiting for the archive", claim_bytes=sizes.outage, origin=origin)
        for name, each in sorted(host.disks.items()):
            if name in ("data", "wal"):
                where = host.path / "disks" / name / "size"
                yield Budget(
                    of="DiskClaim", pool=f"{host.name}/{name}", limit=int(each.size * USABLE), what=f"disk {name} of {host.name} ({show_size(each.size)} less a tenth)",
                    origin=Origin((where,), "nine tenths are used: a full disk stops PostgreSQL, and file systems slow down before"))


def _archive_rows(known: Facts) -> Iterator[Row]:
    if not known.all(Parameter, "archive_command") and not known.all(Parameter, "archive_library"):
        yield Row("archive_command", "/bin/true", "nothing archives yet; a command can be put here later without a restart")


def _tls_rows(hosts: tuple[Host, ...], known: Facts) -> Iterator[Row]:
    held = {host.name: certificate for host in hosts if (certificate := next(iter(known.on(host.name, Certificate)), None))}
    if not held:
        return
    everywhere = len(held) == len(hosts)
    if everywhere:
        yield Row("ssl", True, "every database host has a certificate")
        yield Row("ssl_min_protocol_version", "TLSv1.2", "older protocols are broken")
    for name in ("certificate_file", "key_file", "authority_file"):
        parameter = {"certificate_file": "ssl_cert_file", "key_file": "ssl_key_file", "authority_file": "ssl_ca_file"}[name]
        values = {host: getattr(certificate, name) for host, certificate in held.items()}
        if everywhere and len(set(values.values())) == 1:
            yield Row(parameter, next(iter(values.values())), "from the hosts' certificate")
            continue
        for host, value in values.items():
            yield Row(parameter, value, "from the host's certificate", host=host)
    if not everywhere:
        for host in held:
            yield Row("ssl", True, "the host has a certificate", host=host)


