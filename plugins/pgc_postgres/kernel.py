"""The kernel's settings of a database host.

Source: PostgreSQL, 18.4 Managing Kernel Resources (overcommit, huge pages); Linux, Documentation/admin-guide/sysctl/vm.rst.
"""

from __future__ import annotations

from collections.abc import Iterator

from pgc.bodies import Ini, Plain, unit
from pgc.cluster import Host
from pgc.provenance import Origin, Sourced, because
from pgc_postgres.section import PostgresSection
from pgc_postgres.sizing import MIB, Demand, Machine, Memory, huge_pages, overcommit_ratio

DIRTY = {
    "nvme": (256 * MIB, 1024 * MIB),
    "ssd": (128 * MIB, 512 * MIB),
    "network": (64 * MIB, 256 * MIB),
    "hdd": (32 * MIB, 128 * MIB),
}
"""vm.dirty_background_bytes and vm.dirty_bytes by kind of the data disk."""


def sysctl(
    section: PostgresSection, host: Host, machine: Machine, memory: Memory, demand: Demand, *, known: bool
) -> Plain:
    """Return /etc/sysctl.d/60-postgresql.conf of a host; memory is reserved only where the manifest says how much there is."""
    pages = huge_pages(memory, demand) if section.huge_pages and known else 0
    reserving = _reserved(host, machine, memory, pages) if known else ()
    return Plain(
        (
            "# Kernel settings for PostgreSQL. Made by pgc from the manifest; change it there.",
            *reserving,
            *_rows(host),
        )
    )


def _reserved(host: Host, machine: Machine, memory: Memory, pages: int) -> Iterator[Sourced]:
    at = host.path / "memory"
    yield because(
        "vm.overcommit_memory = 2",
        "the kernel refuses memory that it does not have, instead of killing the server later",
    )
    yield because(
        f"vm.overcommit_ratio = {overcommit_ratio(machine, pages)}",
        "all memory but the kernel's own; huge pages do not count",
        at,
    )
    if pages:
        yield because(
            f"vm.nr_hugepages = {pages}",
            f"the shared memory, in pages of 2 MiB: shared_buffers {memory.shared_buffers // MIB} MiB and what is shared beside",
            at,
        )


def _rows(host: Host) -> Iterator[Sourced]:
    kind = host.disks["data"].kind if "data" in host.disks else "ssd"
    background, most = DIRTY[kind]
    yield because("vm.swappiness = 1", "the server's memory stays in memory")
    yield because(
        f"vm.dirty_background_bytes = {background}",
        f"writing back starts early, for a disk of the kind {kind}",
        host.path / "disks",
    )
    yield because(f"vm.dirty_bytes = {most}", "a checkpoint's fsync finds little left to write", host.path / "disks")
    yield because("vm.zone_reclaim_mode = 0", "the page cache may use memory of every node")
    yield because(
        "kernel.numa_balancing = 0", "shared memory has no home: moving its pages about costs and gains nothing"
    )


def limits(user: str) -> Plain:
    """Return /etc/security/limits.d/60-postgresql.conf, for sessions of the server's user; units have limits of their own."""
    return Plain(
        (
            "# Limits for sessions of the server's user. Made by pgc.",
            f"{user} soft nofile 65536",
            f"{user} hard nofile 65536",
            f"{user} soft memlock unlimited",
            f"{user} hard memlock unlimited",
            f"{user} soft core 0",
        )
    )


def huge_pages_unit() -> Ini:
    """Return the unit that keeps transparent huge pages from the database: it brings its own."""
    never = "for f in enabled defrag; do echo madvise > /sys/kernel/mm/transparent_hugepage/$$f; done"
    return unit(
        (
            "Unit",
            (
                ("Description", "Transparent huge pages only where a program asks for them"),
                ("Documentation", "https://www.kernel.org/doc/html/latest/admin-guide/mm/transhuge.html"),
                ("DefaultDependencies", "no"),
                ("After", "sysinit.target local-fs.target"),
                ("Before", "basic.target"),
                ("ConditionPathIsReadWrite", "/sys/kernel/mm/transparent_hugepage"),
            ),
        ),
        (
            "Service",
            (
                ("Type", "oneshot"),
                ("RemainAfterExit", "yes"),
                ("ExecStart", Sourced(f"/bin/sh -c '{never}'", Origin((), "compaction of memory stalls backends"))),
            ),
        ),
        ("Install", (("WantedBy", "basic.target"),)),
        head=("Made by pgc from the manifest.",),
    )


def createcluster() -> Plain:
    """Return Debian's /etc/postgresql-common/createcluster.conf: the HA layer makes the cluster, not the package."""
    return Plain(
        (
            "# Installing the package must not make and start a cluster of its own. Made by pgc.",
            because("create_main_cluster = false", "the HA layer initialises the cluster"),
            because("start_conf = 'manual'", "the HA layer starts and stops it"),
        )
    )
