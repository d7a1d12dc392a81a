"""The machine, as far as it explains the figures. It names neither the host nor any path."""

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

FORGET_S, PAUSE_S, CALM_US = 360, 30, 150  # see calm_creation_us


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


def creation_us(folder: Path, files: int = 1000) -> float:
    """Return what creating one small file costs now, in microseconds."""
    folder.mkdir(parents=True)
    start = time.perf_counter()
    for number in range(files):
        (folder / str(number)).write_bytes(b"x\n")
    return (time.perf_counter() - start) / files * 1e6


def calm_creation_us(work: Path, say: Callable[[str], None]) -> float:
    """Wait until creating files is as cheap as it gets, and return what one costs.

    ext4 gives out no inode that was freed in the last minute (six while its block is unwritten), and searches past each
    of them: for minutes after big trees were deleted, creating a file takes ten times as long, whoever creates it.
    """
    attempts = 1 + (FORGET_S // PAUSE_S if filesystem(work) == "ext4" else 0)
    for attempt in range(attempts):
        cost_us = creation_us(work / f"creation-{attempt}")
        if cost_us <= CALM_US:
            break
        if attempt + 1 < attempts:
            say(f"creating a file takes {cost_us:.0f} µs: big trees were deleted lately; trying again in {PAUSE_S} s")
            time.sleep(PAUSE_S)
    return cost_us


def describe(work: Path, creating_us: float) -> dict[str, str]:
    """Return what the page says of the machine, and of how busy it was."""
    return {
        "CPU": f"{field('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores",
        "Memory": f"{int(field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.1f} GiB",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Filesystem of the output": filesystem(work),
        "Load average at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Creating a small file, at the start": f"{creating_us:.0f} µs",
    }
