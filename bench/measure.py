"""Whole processes, measured side by side: the clock starts before the process and stops when it has been waited for."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Job:
    """One process to run."""

    command: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    log: Path  # what it printed
    output: Path  # the tree that it writes, if it writes one


@dataclass(frozen=True, slots=True)
class Sample:
    """One process, its children included. `exit_code` is None when it was killed at its time limit."""

    wall_s: float
    user_s: float
    system_s: float
    peak_bytes: int
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Trial:
    """A contender in a scenario.

    `job` gives the process of each round, of which 0 is the warm-up; `problem` judges the warm-up.
    """

    contender: str
    job: Callable[[int], Job]
    problem: Callable[[Job], str | None] = field(default=lambda job: None)


@dataclass(slots=True)
class Series:
    """What was measured of one trial, or the reason why it was not."""

    samples: list[Sample] = field(default_factory=list)
    peak_bytes: int = 0
    reason: str | None = None

    @property
    def wall_s(self) -> float:
        return median(sample.wall_s for sample in self.samples)

    @property
    def cpu_s(self) -> float:
        return median(sample.user_s + sample.system_s for sample in self.samples)


def run(job: Job, timeout_s: float, watch: bool = False) -> Sample:
    """Run one process to its end, or to its time limit.

    Args:
        watch: sample the memory of the whole tree of processes; that takes time from what is measured.
    """
    quiet = subprocess.DEVNULL
    with job.log.open("wb") as log:
        start = time.perf_counter()
        process = subprocess.Popen(job.command, cwd=job.cwd, env=job.env, stdin=quiet, stdout=log, stderr=log)
        ended = False
        try:
            tree_bytes, ended = _wait(process.pid, start + timeout_s, watch)
        finally:  # also when the benchmark itself is interrupted
            if not ended:
                for pid in (process.pid, *descendants(process.pid)):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    peak_bytes = max(usage.ru_maxrss * 1024, tree_bytes)
    return Sample(wall_s, usage.ru_utime, usage.ru_stime, peak_bytes, process.returncode if ended else None)


def _wait(pid: int, deadline: float, watch: bool) -> tuple[int, bool]:
    """Wait until the process ends or the deadline passes; return the most memory seen and whether it ended."""
    peak_bytes, pause_ms = 0, 10.0
    handle = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    try:
        while (left_s := deadline - time.perf_counter()) > 0:
            if poll.poll(min(pause_ms, left_s * 1000) if watch else left_s * 1000):
                return peak_bytes, True
            if watch:
                began = time.perf_counter()
                peak_bytes = max(peak_bytes, sum(map(memory_bytes, (pid, *descendants(pid)))))
                pause_ms = max(10.0, 20 * 1000 * (time.perf_counter() - began))  # at most a twentieth of the time
        return peak_bytes, False
    finally:
        os.close(handle)


def descendants(pid: int) -> list[int]:
    """Return the processes below this one, as far as they have not ended meanwhile."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def memory_bytes(pid: int) -> int:
    """Return a process's proportional set size: pages shared by forked workers count once. 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def failure(sample: Sample, job: Job, timeout_s: float) -> str | None:
    """Return why this run does not count, or None."""
    if sample.exit_code is None:
        return f"did not end within {timeout_s:.0f} s"
    if sample.exit_code != 0:
        said = job.log.read_text(errors="replace").strip().splitlines()
        return f"exit code {sample.exit_code}" + (f": {said[-1].strip()}" if said else "")
    return None


def side_by_side(
    trials: Sequence[Trial], rounds: int, timeout_s: float, say: Callable[[str], None]
) -> dict[str, Series]:
    """Run every trial once a round, each round beginning with another, after a warm-up that measures memory."""
    results = {trial.contender: Series() for trial in trials}
    for number in range(rounds + 1):
        shift = number % max(1, len(trials))
        for trial in (*trials[shift:], *trials[:shift]):
            series = results[trial.contender]
            if series.reason:
                continue
            try:
                job = trial.job(number)
                os.sync()  # what the one before left to write is not this one's to wait for
                sample = run(job, timeout_s, watch=number == 0)
            except (OSError, subprocess.SubprocessError) as problem:
                series.reason = f"could not be started: {problem}"
                continue
            say(f"  round {number} {trial.contender}: {sample.wall_s:.3f} s")
            series.peak_bytes = max(series.peak_bytes, sample.peak_bytes)
            series.reason = failure(sample, job, timeout_s) or (trial.problem(job) if number == 0 else None)
            if number > 0:
                series.samples.append(sample)
    return results
