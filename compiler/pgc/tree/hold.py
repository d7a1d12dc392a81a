"""One writer at a time: the state folder of an output folder, its lock, and what the dead left behind.

All state is in one folder, `<out>/.pgc-write/`: `lock` (flock), `journal`, and `<pid>-<n>/` with staged files. Who
holds the lock owns the folder, so whatever is found there once the lock is taken belongs to the dead. Forked workers
inherit the lock: it is let go when the last of them has ended. The folder goes when the lock is let go; it matches
`.pgc-*`, which `pgc init` lets Git ignore.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence

from pgc.diagnostics import Finding
from pgc.tree.faults import BUSY, LINK, NOT_A_FILE, RECOVERED, WriteFailed, failure, fault
from pgc.tree.ground import ABSENT, DIRECTORY, SYMLINK, Ground, kind_at
from pgc.tree.journal import STATE, Watcher, finish, unwatched

WAIT_S = 10.0


@contextlib.contextmanager
def hold(
    out: os.PathLike[str], *, wait_s: float = WAIT_S, watch: Watcher = unwatched
) -> Iterator[tuple[Finding, ...]]:
    """Lock an output folder (made if it is not there) and recover it; the value says what was found.

    Leaving discards what was staged and not committed.

    Raises:
        WriteFailed: somebody else holds it for longer than `wait_s` seconds, or the disk refuses.
    """
    root, owner = os.fspath(out), os.getpid()
    try:
        os.makedirs(root, exist_ok=True)
        number = _lock(root, wait_s, watch)
    except OSError as problem:
        raise failure(problem, root) from problem
    try:
        try:
            found = _recover(root, watch)
        except OSError as problem:
            raise failure(problem, root) from problem
        yield found
    finally:
        if os.getpid() == owner:
            with contextlib.suppress(OSError):
                _leave(f"{root}/{STATE}", watch)
            os.close(number)


def recover(out: os.PathLike[str], *, wait_s: float = WAIT_S, watch: Watcher = unwatched) -> tuple[Finding, ...]:
    """Finish or discard an interrupted write; every command calls this first. Without one it costs a single lstat.

    Raises:
        WriteFailed: as `hold`, or the journal is damaged.
    """
    if not os.path.lexists(f"{os.fspath(out)}/{STATE}"):
        return ()
    with hold(out, wait_s=wait_s, watch=watch) as findings:
        return findings


def _recover(root: str, watch: Watcher) -> tuple[Finding, ...]:
    """Bring the tree to one side, and remove what is left of the dead. The lock is held."""
    state = f"{root}/{STATE}"
    found = finish(root, watch)
    left = [name for name in os.listdir(state) if name != "lock"]
    _clear(state, left, watch)
    return found or ((fault(RECOVERED, root, outcome="discarded"),) if left else ())


def _lock(root: str, wait_s: float, watch: Watcher) -> int:
    """Lock the state folder, made if need be. The file may go while we wait for it, so it is looked at again."""
    state, deadline = f"{root}/{STATE}", time.monotonic() + wait_s
    while True:
        watch("state folder")
        with contextlib.suppress(FileExistsError):
            os.mkdir(state)
        kind = Ground(root).of(STATE)[0]
        if kind not in (DIRECTORY, ABSENT):
            raise WriteFailed(fault(LINK if kind is SYMLINK else NOT_A_FILE, state, kind=kind, wanted=f"a {DIRECTORY}"))
        try:
            number = os.open(f"{state}/lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            continue
        try:
            _wait(number, root, deadline, wait_s)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(number), os.lstat(f"{state}/lock")):
                    with contextlib.suppress(OSError):  # a full disk has no room for the name; the lock holds without it
                        os.ftruncate(number, 0)
                        os.pwrite(number, f"process {os.getpid()} on {os.uname().nodename}".encode(), 0)
                    return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)


def _wait(number: int, root: str, deadline: float, wait_s: float) -> None:
    while True:
        try:
            return fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(number, 200, 0).decode(errors="replace") or "a process that has just started"
                raise WriteFailed(fault(BUSY, root, holder=holder, waited=f"{wait_s:g}")) from None
            time.sleep(0.02)


def _leave(state: str, watch: Watcher) -> None:
    """Remove the state folder, and the lock file while it is still held; a journal that is left keeps all."""
    if os.path.lexists(f"{state}/journal"):
        return
    _clear(state, [name for name in os.listdir(state) if name != "lock"], watch)
    watch("unlock")
    os.unlink(f"{state}/lock")
    watch("leave")
    os.rmdir(state)


def _clear(folder: str, names: Sequence[str], watch: Watcher) -> None:
    """Remove files and whole folders; a link is removed, never followed."""
    for name in names:
        full = f"{folder}/{name}"
        watch("clear")
        if kind_at(full) is DIRECTORY:
            _clear(full, os.listdir(full), watch)
            os.rmdir(full)
        else:
            os.unlink(full)
