"""The machine, as far as it explains the figures. It names neither the host nor any path."""

import os
import platform
import time
from pathlib import Path

FORGET_S = 360  # see creation_us


def filesystem(path: Path) -> str:
    """Return the type of the filesystem that holds `path`."""
    kind, longest = "unknown", -1
    for line in Path("/proc/mounts").read_text().splitlines():
        mount, this = line.split()[1:3]
        if path.resolve().is_relative_to(mount) and len(mount) > longest:
            kind, longest = this, len(mount)
    return kind


def field(file: str, name: str) -> str:
    """Return the first value of `name` in a /proc file of `name: value` lines."""
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def creation_us(folder: Path, files: int = 2000) -> float:
    """Return what creating one small file costs now, in microseconds.

    ext4 gives out no inode that was freed in the last minute (six while its block is unwritten), and searches past each
    of them: shortly after a big tree was deleted, creating a file costs up to ten times as much, whoever creates it.
    """
    folder.mkdir(parents=True)
    start = time.perf_counter()
    for number in range(files):
        (folder / str(number)).write_bytes(b"x\n")
    return (time.perf_counter() - start) / files * 1e6


def describe(work: Path) -> dict[str, str]:
    return {
        "CPU": f"{field('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores",
        "Memory": f"{int(field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.1f} GiB",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Filesystem of the output": filesystem(work),
        "Load average at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Creating a small file, at the start": f"{creation_us(work / 'creation'):.0f} µs",
    }
