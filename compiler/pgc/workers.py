"""Work done side by side in forked processes: nothing is imported twice, and only results travel back.

A worker that fails hands its exception over; one that is lost is an error of its own. No worker outlives the call.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class WorkerLost(Exception):
    """A worker was killed, most often because memory ran out; nothing was written."""

    way_out = "free some memory, or compile fewer manifests at a time; nothing was written"

    def __init__(self, status: int) -> None:
        code = os.waitstatus_to_exitcode(status)
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        super().__init__(f"a worker ended without an answer ({how})")


def side_by_side(work: Callable[[int], Result], count: int) -> list[Result]:
    """Run `work(0)` here and `work(1)` … `work(count − 1)` in forked workers; return all results in that order.

    Raises:
        WorkerLost: a worker was killed. Any exception that `work` raises.
    """
    children: dict[int, int] = {}
    try:
        for number in range(1, count):
            pid, pipe = _fork(work, number)
            children[pid] = pipe
        results = [work(0)]
        for pid in [*children]:
            results.append(_answer(pid, children))
    finally:
        for pid in children:  # some are left where something failed, or somebody pressed Ctrl-C
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return results


def _answer(pid: int, children: dict[int, int]) -> Any:
    """Wait for a worker and take what it brings; it is no child any more then."""
    with os.fdopen(children[pid], "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(pid, 0)
    del children[pid]
    if status or not answer:  # killed before it had written all of its answer, or any of it
        raise WorkerLost(status)
    result = pickle.loads(answer)
    if isinstance(result, Exception):
        raise result
    return result


def _fork(work: Callable[[int], object], number: int) -> tuple[int, int]:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return pid, ours
    os.close(ours)  # or writing would never fail when the parent is gone
    code = 1
    try:
        try:
            result: object = work(number)
        except Exception as problem:
            result = problem
        with os.fdopen(theirs, "wb") as stream:
            stream.write(pickle.dumps(result, protocol=pickle.HIGHEST_PROTOCOL))
        code = 0
    finally:
        os._exit(code)
