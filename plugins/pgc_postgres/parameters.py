"""The parameters that follow from the section and the envelope alone, each with its reason.

Quantities are written with their unit, as people write them; counts are numbers, switches are booleans. What depends on other plugins
(connections, memory, certificates) is in capacity.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pgc.cluster import Host, Site
from pgc.diagnostics import Path
from pgc.facts import Fact, Parameter
from pgc.fields import show_duration
from pgc.provenance import Origin
from pgc_postgres import archiving
from pgc_postgres.by_hand import OWNED, given, read_by_hand
from pgc_postgres.catalogue import load
from pgc_postgres.layout import layout
from pgc_postgres.section import PostgresSection
from pgc_postgres.sizing import GIB, KIB, MIB
from pgc_postgres.storage import Wal, wal

WAL_LEVELS = ("minimal", "replica", "logical")
JOINS = {
    "wal_level": "level",
    "max_connections": "max",
    "max_wal_senders": "max",
    "max_replication_slots": "max",
    "max_worker_processes": "max",
    "max_prepared_transactions": "max",
    "max_locks_per_transaction": "max",
    "max_logical_replication_workers": "max",
}
"""How a parameter of one plugin meets the same one of another; every plugin that gives one of these must say the same."""

FAILOVER, WAL_RATE, DATA_SIZE = (Path(("objectives", name)) for name in ("failover", "wal_rate", "data_size"))


@dataclass(frozen=True, slots=True)
class Row:
    """One derived parameter, with the reason and the manifest paths that decided it; `host` is empty for the cluster."""

    name: str
    value: Any
    reason: str
    paths: tuple[Path, ...] = field(default=())
    host: str = ""

    def fact(self) -> Parameter:
        """Return it as a fact."""
        levels = WAL_LEVELS if self.name == "wal_level" else ()
        return Parameter(
            name=self.name,
            value=self.value,
            host=self.host,
            joins=JOINS.get(self.name, "equal"),
            levels=levels,
            origin=Origin(self.paths, self.reason),
        )


def contribute(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Iterator[Fact]:
    """Give every parameter that needs nobody else's facts: those set by hand, then the derived ones."""
    yield from by_hand(section)
    sizes = wal_sizes(section, site, hosts)
    rows: Iterable[Row] = (
        *_replication(section, site),
        *_wal(section, sizes, hosts),
        *_network(site),
        *_planner(section, hosts),
        *_vacuum(section, site, hosts),
        *_logging(section),
        *_behaviour(section),
    )
    yield from archiving.contribute(section, site)
    taken = given(section)
    yield from (row.fact() for row in rows if row.name not in taken)


def by_hand(section: PostgresSection) -> Iterator[Parameter]:
    """Give the parameters that the manifest sets and that are valid in this version; checks speak of the others."""
    catalogue = load(section.version)
    for key, value in given(section).values():
        found = read_by_hand(catalogue, key, value)
        if found is not None and found[0].name not in (*OWNED, "archive_timeout"):
            yield Row(found[0].name, found[1], "set in the manifest", (Path(("postgres", "parameters", key)),)).fact()
    for name, value in section.raw.items():
        if isinstance(value, bool | int | float | str) and catalogue.find(name) is None:
            yield Row(name, value, "passed as it is", (Path(("postgres", "raw", name)),)).fact()


def wal_sizes(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Wal:
    """Return the sizes of the WAL for this cluster."""
    wanted = site.objectives
    return wal(
        hosts, wanted.wal_rate, wanted.data_size, section.workload, section.replica_outage, section.archive_outage
    )


def shown(amount: int) -> str:
    """Write bytes in the largest unit that PostgreSQL knows and that divides them."""
    for unit, size in (("GB", GIB), ("MB", MIB), ("kB", KIB)):
        if amount % size == 0:
            return f"{amount // size}{unit}"
    return f"{amount // KIB}kB"


# ── areas ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _replication(section: PostgresSection, site: Site) -> Iterator[Row]:
    yield Row("wal_level", "replica", "replicas stream the WAL; a plugin that decodes it raises this to logical")
    yield Row(
        "wal_log_hints",
        True,
        "pg_rewind needs every changed page in the WAL" + (", as checksums do too" if section.checksums else ""),
    )
    yield Row("hot_standby_feedback", True, "queries on replicas are not cancelled by the vacuum of the leader")
    yield Row(
        "max_prepared_transactions",
        0,
        "two-phase commits that nobody finishes hold locks for ever; a plugin that needs them raises it",
    )
    timeout = int(max(20, min(60, site.objectives.failover)))
    reason = "a lost connection between nodes is noticed within the failover objective, at least twice wal_receiver_status_interval"
    yield Row("wal_sender_timeout", show_duration(timeout), reason, (FAILOVER,))
    yield Row("wal_receiver_timeout", show_duration(timeout), reason, (FAILOVER,))
    yield Row(
        "track_commit_timestamp", False, "nobody here resolves conflicts by time; it cannot change without a restart"
    )


def _wal(section: PostgresSection, sizes: Wal, hosts: tuple[Host, ...]) -> Iterator[Row]:
    disks = tuple(host.path / "disks" for host in hosts if host.disks)[:1]
    yield Row(
        "checkpoint_timeout",
        show_duration(sizes.checkpoint_s),
        f"fewer full-page images than every 5 min; for {section.workload}",
    )
    yield Row("checkpoint_completion_target", 0.9, "spreads the writes of a checkpoint over the interval")
    yield Row(
        "max_wal_size",
        shown(sizes.max_size),
        "checkpoints come by time at the peak WAL rate, within a fifth of the disk",
        (WAL_RATE, *disks),
    )
    yield Row(
        "min_wal_size", shown(sizes.min_size), "a quarter of max_wal_size is recycled instead of made anew", (WAL_RATE,)
    )
    yield Row(
        "max_slot_wal_keep_size",
        shown(sizes.slot_cap),
        "a replica that is away may hold this much WAL, then its slot is given up before the disk is full",
        (WAL_RATE, Path(("postgres", "replica_outage")), *disks),
    )
    yield Row(
        "wal_keep_size",
        shown(sizes.keep),
        "five minutes of WAL for a node that returns without a slot, and for pg_rewind",
        (WAL_RATE,),
    )
    yield Row("wal_compression", "lz4", "half the full-page images for little CPU; in every packaged build of 15 to 18")
    yield Row("archive_mode", True, "switching it on later needs a restart of every node")
    yield Row("fsync", True, "without it a crash of the host corrupts the data")
    yield Row("full_page_writes", True, "without it a torn page cannot be repaired")


def _network(site: Site) -> Iterator[Row]:
    failover = site.objectives.failover
    idle = int(max(10, min(60, failover / 2)))
    interval = int(max(2, min(10, failover / 6)))
    reason = f"a peer that vanished is noticed after {idle + 3 * interval} s"
    yield Row("tcp_keepalives_idle", show_duration(idle), reason, (FAILOVER,))
    yield Row("tcp_keepalives_interval", show_duration(interval), reason, (FAILOVER,))
    yield Row("tcp_keepalives_count", 3, reason, (FAILOVER,))
    yield Row(
        "tcp_user_timeout",
        show_duration(idle + 3 * interval),
        "unacknowledged data is given up when keepalives would give up",
        (FAILOVER,),
    )
    yield Row("client_connection_check_interval", "10s", "a long query of a client that is gone ends")
    yield Row("authentication_timeout", "30s", "a client that does not finish logging in frees its slot")
    yield Row(
        "idle_in_transaction_session_timeout",
        "10min",
        "a forgotten transaction stops vacuum and keeps locks; applications get less",
    )


def _planner(section: PostgresSection, hosts: tuple[Host, ...]) -> Iterator[Row]:
    least, most = min(host.cores for host in hosts), max(host.cores for host in hosts)
    cores = tuple(host.path / "cores" for host in hosts if host.cores == least)[:1]
    gather = {"oltp": min(2, least // 2), "mixed": min(4, least // 2), "analytics": min(16, max(1, least // 2))}[
        section.workload
    ]
    yield Row(
        "max_worker_processes",
        most + 8,
        "parallel workers on the largest host, and 8 for extensions and logical replication",
        cores,
    )
    yield from _by_host("max_parallel_workers", hosts, lambda host: host.cores, "one for each core", "cores")
    yield Row("max_parallel_workers_per_gather", gather, f"for {section.workload} on {least} cores", cores)
    yield Row(
        "max_parallel_maintenance_workers",
        max(1, min(4, least // 2)),
        "index builds use half the cores, at most four",
        cores,
    )
    yield from _by_host(
        "random_page_cost", hosts, lambda host: COSTS[_disk(host)][0], "by the kind of the data disk", "disks"
    )
    yield from _by_host(
        "effective_io_concurrency", hosts, lambda host: COSTS[_disk(host)][1], "by the kind of the data disk", "disks"
    )
    yield from _by_host(
        "maintenance_io_concurrency", hosts, lambda host: COSTS[_disk(host)][1], "by the kind of the data disk", "disks"
    )
    yield Row(
        "jit",
        section.workload == "analytics",
        "compiling pays for long queries only"
        if section.workload != "analytics"
        else "long queries pay for being compiled",
    )
    if section.version >= 18:
        yield from _by_host(
            "io_workers",
            hosts,
            lambda host: max(3, min(32, host.cores // 4)),
            "a quarter of the cores read ahead",
            "cores",
        )


COSTS = {"nvme": (1.1, 256), "ssd": (1.1, 200), "network": (1.25, 64), "hdd": (4.0, 2)}
"""random_page_cost and effective_io_concurrency by kind of disk."""


def _disk(host: Host) -> str:
    return host.disks["data"].kind if "data" in host.disks else "ssd"


def _by_host(name: str, hosts: tuple[Host, ...], value_of: Any, reason: str, part: str) -> Iterator[Row]:
    """Yield one row for the cluster where all hosts agree, otherwise one a host."""
    values = [value_of(host) for host in hosts]
    if len(set(values)) == 1:
        yield Row(name, values[0], reason, (hosts[0].path / part,))
        return
    for host, value in zip(hosts, values, strict=True):
        yield Row(name, value, reason, (host.path / part,), host.name)


def autovacuum_workers(hosts: Iterable[Host]) -> int:
    """Return autovacuum_max_workers: three, more on many cores."""
    return max(3, min(8, min(host.cores for host in hosts) // 4))


def _vacuum(section: PostgresSection, site: Site, hosts: tuple[Host, ...]) -> Iterator[Row]:
    large = site.objectives.data_size >= 100 * GIB
    fast = all(_disk(host) in ("nvme", "ssd") for host in hosts)
    yield Row("autovacuum_max_workers", autovacuum_workers(hosts), "three, or a quarter of the cores up to eight")
    yield Row(
        "autovacuum_vacuum_cost_limit",
        2000 if fast else 400,
        "the default of 200 was made for one slow disk; all workers share it",
    )
    yield Row("autovacuum_naptime", "30s", "busy small tables are cleaned before they grow")
    scale = (0.02, 0.01) if large else (0.1, 0.05)
    why = (
        "a tenth of a large table is too much to wait for"
        if large
        else "half of the default: less bloat, current statistics"
    )
    yield Row("autovacuum_vacuum_scale_factor", scale[0], why, (DATA_SIZE,))
    yield Row("autovacuum_analyze_scale_factor", scale[1], why, (DATA_SIZE,))
    yield Row("autovacuum_vacuum_insert_scale_factor", scale[0], why, (DATA_SIZE,))
    yield Row("log_autovacuum_min_duration", "1min", "a vacuum that takes long is worth a line")


def _logging(section: PostgresSection) -> Iterator[Row]:
    yield Row("logging_collector", True, "the log survives the service's restart and never blocks it")
    yield Row("log_destination", "stderr", "one text file that people can read")
    yield Row("log_directory", layout(section).log_dir, "where the packages put it")
    yield Row("log_filename", "postgresql-%a.log", "one file a weekday: a week is kept, nothing fills the disk")
    yield Row("log_rotation_age", "1d", "a new file every day")
    yield Row("log_rotation_size", 0, "by day only, so that a week's file is never cut")
    yield Row("log_truncate_on_rotation", True, "last week's file of the day is overwritten")
    yield Row("log_file_mode", "0600", "the log holds parts of statements: only the server's user reads it")
    yield Row("log_line_prefix", "%m [%p] %q%u@%d %r %a ", "when, who, where to, where from, which application")
    yield Row("log_timezone", "UTC", "logs of all hosts compare")
    yield Row("log_connections", "all" if section.version >= 18 else True, "who came when")
    yield Row("log_disconnections", True, "who left when, after how long")
    yield Row("log_checkpoints", True, "the first thing to read when writes are slow")
    yield Row("log_lock_waits", True, "who waited for whom")
    yield Row("log_temp_files", "64MB", "sorts that spill: work_mem is too small for them")
    yield Row(
        "log_min_duration_statement",
        {"oltp": "1s", "mixed": "5s", "analytics": "1min"}[section.workload],
        f"slow for {section.workload}",
    )
    yield Row("log_statement", "ddl", "changes of the schema are on record")
    yield Row("log_parameter_max_length", "1kB", "long parameters would fill the log")
    yield Row("log_parameter_max_length_on_error", 0, "parameters of failed statements may hold secrets")
    yield Row("log_replication_commands", True, "who streamed when")
    yield Row("log_recovery_conflict_waits", True, "queries on a replica that hold up its replay")


def _behaviour(section: PostgresSection) -> Iterator[Row]:
    yield Row("TimeZone", "UTC", "the same everywhere; sessions may choose another")
    yield Row("password_encryption", "scram-sha-256", "md5 hashes are as good as passwords to whoever reads them")
    yield Row("track_io_timing", True, "says whether a slow query waited for the disk")
    yield Row("track_functions", "pl", "time spent in functions")
    yield Row("track_activity_query_size", "4kB", "long statements are not cut in pg_stat_activity")
    yield Row(
        "restart_after_crash",
        True,
        "after the crash of one process the server is back in a second or so, without a failover",
    )
    yield Row("default_toast_compression", "lz4", "faster than pglz at the same size")
    yield Row("unix_socket_directories", section.socket_dir, "where local programs look for it")
    yield Row(
        "synchronous_commit",
        "on",
        "a commit is durable when it is acknowledged; the HA layer names who must have it too",
    )
    if section.version >= 17:
        yield Row(
            "allow_alter_system",
            False,
            "a parameter changed by hand would hide the committed one; the configuration comes from Git",
        )
    yield Row("row_security", True, "policies apply")
    if section.statistics:
        yield Row("pg_stat_statements.max", 10000, "statements are not evicted in a varied load")
        yield Row("pg_stat_statements.track", "top", "statements as clients sent them")
