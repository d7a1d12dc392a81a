"""How the disks are shared out: data, the WAL between checkpoints, what slots may hold, and what an archive outage piles up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pgc.cluster import Host
from pgc.manifest import Disk
from pgc_postgres.sizing import GIB, MIB, round_up

CHECKPOINT_S = {"oltp": 900, "mixed": 900, "analytics": 1800}
COMPLETION = 0.9
USABLE = 0.9


@dataclass(frozen=True, slots=True)
class Wal:
    """The sizes of the WAL, in bytes."""

    checkpoint_s: int
    max_size: int
    min_size: int
    slot_cap: int
    keep: int
    outage: int


def wal_disk(host: Host) -> tuple[str, Disk] | None:
    """Return the name and the disk that holds a host's WAL, or None where the manifest names none."""
    for name in ("wal", "data"):
        if name in host.disks:
            return name, host.disks[name]
    return None


def wal(
    hosts: Iterable[Host], rate: int, data: int, workload: str, replica_outage_s: float, archive_outage_s: float
) -> Wal:
    """Return sizes that hold on every host.

    A checkpoint should come by time, not by size: max_wal_size holds what is written in one and a completed share of the next
    interval, at most a fifth of the smallest disk. What is left beside the data and an archive outage bounds the slots.

    Source: PostgreSQL, 28.5 WAL configuration: a checkpoint starts at max_wal_size / (1 + checkpoint_completion_target).
    """
    checkpoint_s = CHECKPOINT_S[workload]
    outage = int(rate * archive_outage_s)
    wanted = round_up(min(rate * checkpoint_s * (1 + COMPLETION), 256 * GIB), GIB)
    slots = max(round_up(rate * replica_outage_s, GIB), 2 * GIB)
    for host in hosts:
        found = wal_disk(host)
        if found is None:
            continue
        name, disk = found
        free = int(disk.size * USABLE) - (data if name == "data" else 0)
        wanted = min(wanted, max(GIB, disk.size // 5 // GIB * GIB))
        slots = min(slots, max(wanted, (free - wanted - outage) // (256 * MIB) * 256 * MIB))
    keep = min(round_up(rate * 300, 128 * MIB), max(128 * MIB, wanted // 2))
    return Wal(checkpoint_s, wanted, max(160 * MIB, wanted // 4), max(slots, keep), keep, outage)
