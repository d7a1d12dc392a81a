"""Parameters that are each valid and cannot stand together. PostgreSQL sees these at the start only, or never.

Source: PostgreSQL, src/backend/postmaster/postmaster.c (PostmasterMain) and src/backend/access/transam/xlog.c; tests
compare with real servers.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc_postgres.settled import Settled
from pgc_postgres.sizing import MIB

PGS010 = Code(
    "PGS010",
    "all-connections-reserved",
    Severity.ERROR,
    what="superuser_reserved_connections {superusers} and reserved_connections {others} leave none of "
    "max_connections {most}",
    why="PostgreSQL refuses to start",
    help="raise max_connections above {sum}, or reserve fewer",
    example="postgres:\n  parameters: {max_connections: 30, superuser_reserved_connections: 30}",
)
PGS011 = Code(
    "PGS011",
    "autovacuum-workers-without-slots",
    Severity.ERROR,
    what="autovacuum_max_workers is {workers}, but autovacuum_worker_slots is {slots}",
    why="only {slots} workers ever run; more slots need a restart",
    help="set autovacuum_worker_slots to {workers} or more",
    example="postgres:\n  version: 18\n  parameters: {autovacuum_max_workers: 20}",
)
PGS013 = Code(
    "PGS013",
    "wal-sizes-crossed",
    Severity.ERROR,
    what="{problem}",
    why="{consequence}",
    help="{remedy}",
    example="postgres:\n  parameters: {min_wal_size: 8GB, max_wal_size: 4GB}",
)
PGS014 = Code(
    "PGS014",
    "workers-beyond-the-limit",
    Severity.WARNING,
    what="{name} is {given}, but {limit} is {most}",
    why="only {most} of them ever run: queries are planned for workers that do not come",
    help="lower {name} to {most}, or raise {limit}",
    example="postgres:\n  parameters: {max_parallel_workers: 64, max_worker_processes: 8}",
)
PGS015 = Code(
    "PGS015",
    "timeout-below-status-interval",
    Severity.ERROR,
    what="wal_sender_timeout is {timeout} ms, but a replica reports only every {interval} s "
    "(wal_receiver_status_interval)",
    why="the leader would cut off replicas that are well, again and again",
    help="keep the timeout at twice the interval or more",
    example="postgres:\n  parameters: {wal_sender_timeout: 5s}",
)
PGS016 = Code(
    "PGS016",
    "huge-pages-required-but-not-reserved",
    Severity.ERROR,
    what="huge_pages is on, but {missing}",
    why="PostgreSQL refuses to start where the kernel has no huge pages",
    help="{remedy}",
    example="postgres:\n  huge_pages: false\n  parameters: {huge_pages: on}",
)
PGS017 = Code(
    "PGS017",
    "unlimited-slots",
    Severity.WARNING,
    what="max_slot_wal_keep_size is -1: a slot may hold back WAL without end",
    why="one replica or consumer that stays away fills the disk of the leader, and PostgreSQL stops",
    help="set what the disk can hold, or remove it: it is derived from postgres.replica_outage",
    example="postgres:\n  parameters: {max_slot_wal_keep_size: -1}",
)
PGS018 = Code(
    "PGS018",
    "transactions-prepared-without-slots",
    Severity.WARNING,
    what="max_prepared_transactions is {given}, fewer than max_connections {most}",
    why="a session that wants to prepare a transaction when all places are taken gets an error in the "
    "middle of its commit",
    help="set 0 if nothing uses two-phase commit, otherwise {most} or more",
    example="postgres:\n  parameters: {max_prepared_transactions: 10}",
)
CODES = (PGS010, PGS011, PGS013, PGS014, PGS015, PGS016, PGS017, PGS018)

SEGMENT = 16 * MIB
PARAMETERS = Path(("postgres", "parameters"))


def places(settled: Settled, *names: str) -> tuple[Path, ...]:
    """Return where the manifest decides these parameters; those set by hand come first."""
    found = [path for name in names for path in settled.origin(name).paths]
    found.sort(key=lambda path: path[:2] != ("postgres", "parameters"))
    return tuple(dict.fromkeys(found)) or (Path(("postgres",)),)


def check(cluster: Cluster, settled: Settled) -> Iterator[Finding]:
    """Yield the parameters that contradict each other."""
    yield from _connections(settled)
    yield from _workers(settled)
    yield from _wal(settled)
    yield from _huge_pages(cluster, settled)


def _connections(settled: Settled) -> Iterator[Finding]:
    most = settled.number("max_connections")
    superusers, others = settled.number("superuser_reserved_connections"), settled.number("reserved_connections")
    if superusers + others >= most:
        yield PGS010.at(
            *places(settled, "superuser_reserved_connections", "reserved_connections", "max_connections"),
            superusers=superusers,
            others=others,
            most=most,
            sum=superusers + others,
        )
    prepared = settled.number("max_prepared_transactions")
    if 0 < prepared < most:
        yield PGS018.at(*places(settled, "max_prepared_transactions"), given=prepared, most=most)


def _workers(settled: Settled) -> Iterator[Finding]:
    workers, slots = settled.number("autovacuum_max_workers"), settled.number("autovacuum_worker_slots")
    if "autovacuum_worker_slots" in settled.catalogue.parameters and workers > slots:
        yield PGS011.at(
            *places(settled, "autovacuum_max_workers", "autovacuum_worker_slots"), workers=workers, slots=slots
        )
    for name, limit in (
        ("max_parallel_workers", "max_worker_processes"),
        ("max_parallel_workers_per_gather", "max_parallel_workers"),
        ("max_parallel_maintenance_workers", "max_parallel_workers"),
        ("max_logical_replication_workers", "max_worker_processes"),
        ("max_sync_workers_per_subscription", "max_logical_replication_workers"),
    ):
        if not (_by_hand(settled, name) or _by_hand(settled, limit)):
            continue
        given, most = settled.number(name), settled.number(limit)
        if given > most:
            yield PGS014.at(*places(settled, name, limit), name=name, limit=limit, given=given, most=most)


def _by_hand(settled: Settled, name: str) -> bool:
    return any(path[:2] == ("postgres", "parameters") for path in settled.origin(name).paths)


def _wal(settled: Settled) -> Iterator[Finding]:
    senders = settled.number("max_wal_senders")
    least, most = settled.number("min_wal_size"), settled.number("max_wal_size")
    if least > most:
        yield PGS013.at(
            *places(settled, "min_wal_size", "max_wal_size"),
            problem=f"min_wal_size {least // MIB} MB is more than max_wal_size {most // MIB} MB",
            consequence="more WAL is kept for reuse than checkpoints allow: the disk holds it for nothing",
            remedy="lower min_wal_size",
        )
    for name, size in (("min_wal_size", least), ("max_wal_size", most)):
        if size < 2 * SEGMENT:
            yield PGS013.at(
                *places(settled, name),
                problem=f"{name} is {size // MIB} MB, less than two segments of 16 MB",
                consequence="PostgreSQL refuses to start",
                remedy="set 32MB or more",
            )
    timeout, interval = settled.number("wal_sender_timeout"), settled.number("wal_receiver_status_interval")
    if timeout > 0 and interval > 0 and timeout < 2000 * interval:
        yield PGS015.at(
            *places(settled, "wal_sender_timeout", "wal_receiver_status_interval"), timeout=timeout, interval=interval
        )
    if settled.number("max_slot_wal_keep_size") < 0 and senders:
        yield PGS017.at(*places(settled, "max_slot_wal_keep_size"))


def _huge_pages(cluster: Cluster, settled: Settled) -> Iterator[Finding]:
    if settled.value("huge_pages") != "on":
        return
    where = (*places(settled, "huge_pages"), Path(("postgres", "huge_pages")))
    if not cluster.section.huge_pages:
        yield PGS016.at(
            *where,
            missing="postgres.huge_pages is false, so none are reserved",
            remedy="set postgres.huge_pages to true, or huge_pages to try",
        )
    elif not cluster.section.tune_kernel:
        yield PGS016.at(
            *where,
            missing="postgres.tune_kernel is false, so nobody here reserves them",
            remedy="set postgres.tune_kernel to true, or huge_pages to try",
        )
