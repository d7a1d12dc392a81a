"""Many renames as one: a write below the output folder is done entirely, or not at all, whenever the process dies.

Invariant: without a journal the tree is the old one; with a journal it becomes the new one, or, when the world refuses,
the old one again. Every step is a rename (or an empty folder made or removed), so it can be repeated and undone: what
stands where says how far it came. Steps start once the journal is whole under its name, and it goes when all are done.

A power cut is another matter: the journal is forced to the disk first, staged files are not. Where one did not arrive,
the write is undone; a file that was lost after it had been laid is reported as edited, and Git has the old one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pgc.artifact import digest
from pgc.diagnostics import Finding
from pgc.tree.faults import DAMAGED_JOURNAL, KEPT, RECOVERED, WriteFailed, failure, fault, path_problem
from pgc.tree.ground import ABSENT, DIRECTORY, Ground

STATE = ".pgc-write"
JOURNAL_VERSION = 1

Watcher = Callable[[str], None]
"""Called before each step that changes the disk, with its name. Only the tests give one: it kills the process."""


def unwatched(step: str) -> None:
    """Watch nothing."""


class Step(NamedTuple):
    """One change below the output folder.

    `take`: `path`, if it has `sha256`, is moved away to `staged`. `lay`: `staged` is moved to `path`, where nothing is.
    `make`, `drop`: the folder `path` is made, or removed if empty. `path` is below the output folder, `staged` below
    the state folder. The `sha256` of a whole folder that is laid is empty.
    """

    kind: str
    path: str
    staged: str = ""
    sha256: str = ""


def carry_out(root: str, steps: Sequence[Step], watch: Watcher = unwatched) -> tuple[Finding, ...]:
    """Do all steps or none; the lock is held. Findings name files that somebody changed meanwhile; these were left.

    Raises:
        WriteFailed: the world refused, and the tree is the old one.
    """
    journal = f"{root}/{STATE}/journal"
    try:
        if len(steps) > 1:  # a single rename needs no journal
            content = json.dumps({"journal_version": JOURNAL_VERSION, "steps": steps}, separators=(",", ":")).encode()
            watch("journal")
            number = os.open(f"{journal}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(number)
            watch("commit")
            os.rename(f"{journal}.new", journal)
        kept = _forward(root, steps, watch)
        watch("done")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(journal)
    except OSError as problem:
        raise failure(problem, root) from problem
    return kept


def finish(root: str, watch: Watcher = unwatched) -> tuple[Finding, ...]:
    """Do the rest of an interrupted write, or undo it; without a journal there is nothing to do. The lock is held.

    Raises:
        WriteFailed: the journal is damaged.
        OSError: the world refused, and the tree is the old one.
    """
    steps = _read_journal(root)
    if steps is None:
        return ()
    if _arrived(root, steps):
        found = (fault(RECOVERED, root, outcome="finished"), *_forward(root, steps, watch))
    else:
        _backward(root, steps, watch)
        found = (fault(RECOVERED, root, outcome="undone, for staged files were lost (a power cut?)"),)
    watch("recovered")
    os.unlink(f"{root}/{STATE}/journal")
    return found


def _forward(root: str, steps: Sequence[Step], watch: Watcher) -> tuple[Finding, ...]:
    """Do what is not done yet; when the world refuses, undo all, remove the journal, and pass the refusal on."""
    ground, kept = Ground(root), []
    try:
        for step in steps:
            full, staged = f"{root}/{step.path}", f"{root}/{STATE}/{step.staged}"
            if step.kind == "make":
                if ground.of(step.path)[0] is not DIRECTORY:
                    watch("make")
                    os.mkdir(full)
                    ground.known[step.path] = (DIRECTORY, step.path)
            elif step.kind == "drop":
                if ground.of(step.path)[0] is DIRECTORY:
                    watch("drop")
                    ground.known.clear()
                    ground.known[""] = (DIRECTORY, "")
                    with contextlib.suppress(OSError):  # it holds a file of somebody
                        os.rmdir(full)
            elif ground.of(f"{STATE}/{step.staged}".rpartition("/")[0])[0] is not DIRECTORY:
                raise NotADirectoryError(20, "staged files are gone", staged)
            elif step.kind == "take":
                if os.path.lexists(staged):
                    continue
                content = ground.read(step.path)
                if isinstance(content, bytes) and digest(content) == step.sha256:
                    watch("take")
                    os.rename(full, staged)
                    ground.known.pop(step.path, None)
                elif isinstance(content, bytes) or content[0] is not ABSENT:
                    kept.append(step.path)
            elif os.path.lexists(staged):
                if ground.of(step.path.rpartition("/")[0])[0] is not DIRECTORY:
                    raise NotADirectoryError(20, "not a folder", os.path.dirname(full))
                if os.path.lexists(full):
                    kept.append(step.path)
                    continue
                watch("lay")
                os.rename(staged, full)
    except OSError:
        _backward(root, steps, watch)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{root}/{STATE}/journal")
        raise
    return tuple(fault(KEPT, f"{root}/{path}") for path in sorted(set(kept)))


def _backward(root: str, steps: Sequence[Step], watch: Watcher) -> None:
    """Undo what was done. Nothing is followed and no file of somebody else is moved here either."""
    for step in reversed(steps):
        full, staged = f"{root}/{step.path}", f"{root}/{STATE}/{step.staged}"
        ground = Ground(root)
        if ground.of(step.path.rpartition("/")[0])[0] is not DIRECTORY:
            continue
        watch("undo")
        if step.kind == "make":
            with contextlib.suppress(OSError):
                os.rmdir(full)
        elif step.kind == "drop":
            with contextlib.suppress(FileExistsError):
                os.mkdir(full)
        elif ground.of(f"{STATE}/{step.staged}".rpartition("/")[0])[0] is not DIRECTORY:
            continue
        elif step.kind == "take":
            if os.path.lexists(staged) and not os.path.lexists(full):
                os.rename(staged, full)
        elif os.path.lexists(full) and not os.path.lexists(staged):
            content = ground.read(step.path)
            if not step.sha256 or (isinstance(content, bytes) and digest(content) == step.sha256):
                os.rename(full, staged)


def _arrived(root: str, steps: Sequence[Step]) -> bool:
    """Tell whether the files that are still staged hold what they should."""
    ground = Ground(root)
    waiting = ((step, ground.read(f"{STATE}/{step.staged}")) for step in steps if step.kind == "lay" and step.sha256)
    return all(not isinstance(content, bytes) or digest(content) == step.sha256 for step, content in waiting)


_STAGED = re.compile(r"\d+-\d+/[a-z]\d+").fullmatch


def _read_journal(root: str) -> tuple[Step, ...] | None:
    """Read the journal, if there is one, and trust nothing in it: it could have come with a pull request.

    Raises:
        WriteFailed: it is damaged, or names a place outside the output folder.
    """
    name = f"{STATE}/journal"
    content = Ground(root).read(name)
    if content == (ABSENT, name):
        return None
    try:
        if not isinstance(content, bytes):
            raise ValueError(f"it is a {content[0]}")
        data = json.loads(content)
        if data["journal_version"] != JOURNAL_VERSION:
            raise ValueError("another version of pgc wrote it")
        steps = tuple(Step(*row) for row in data["steps"])
        for step in steps:
            moves = step.kind in ("take", "lay")
            if not moves and step.kind not in ("make", "drop"):
                raise ValueError(f"an unknown step '{step.kind}'")
            if path_problem(step.path) or (moves and not _STAGED(step.staged)):
                raise ValueError(f"a step leaves the output folder: '{step.path}'")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        file = f"{root}/{name}"
        raise WriteFailed(fault(DAMAGED_JOURNAL, file, problem=str(problem), folder=f"{root}/{STATE}")) from None
    return steps
