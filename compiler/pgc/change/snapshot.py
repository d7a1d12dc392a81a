"""Where Snapshots come from: the working tree on disk, and a Git revision.

    before = at_revision(Path("generated"), "origin/main")
    with before:
        changes = compare_all(before.snapshots, on_disk(Path("generated")).snapshots, formats)

A lock file is input like any other: the paths that it names are only ever read below its own folder, and never through
a symbolic link that leads out of it (else a pull request could have a file of the CI machine shown in its comment).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pgc.artifact import LOCK_NAME, Lock, digest, read_lock
from pgc.change.changes import Snapshot
from pgc.change.git import Git, GitTree, Unavailable
from pgc.workers import side_by_side

__all__ = ["Tree", "Unavailable", "at_revision", "edited", "edited_files", "on_disk"]

MAX_BYTES = 64 * 1024 * 1024
CLUSTERS_A_WORKER = 20


@dataclass(frozen=True, slots=True)
class Tree:
    """All clusters below one output folder in one state; `label` says which: "the working tree", "HEAD (1a2b3c4d5e6f)".

    A tree from Git reads through a process that lives until `close`, or until the end of a `with`.
    """

    label: str
    snapshots: Mapping[str, Snapshot]
    commit: str = ""
    close: Callable[[], None] = field(default=lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def on_disk(folder: Path) -> Tree:
    """Find the clusters below an output folder; a folder that is not there has none.

    Raises:
        Unavailable: a lock file is damaged or cannot be read.
    """
    root = os.path.realpath(folder)
    found: dict[str, Snapshot] = {}
    for directory in _lock_folders(root):
        if _inside_another(directory, found):
            continue
        below = os.path.join(root, directory) if directory else root
        shown = os.path.join(str(folder), directory, LOCK_NAME)
        read = _disk_reader(below)
        try:
            lock = _lock(read(LOCK_NAME), shown)
        except (OSError, LookupError) as problem:
            raise Unavailable(f"{shown} cannot be read: {problem}", "mend its permissions, or compile again") from None
        found[directory] = Snapshot(directory, lock, read)
    return Tree("the working tree", found)


def at_revision(folder: Path, revision: str = "HEAD") -> Tree:
    """Find the clusters that an output folder had at a Git revision; none where the folder was not there yet.

    Raises:
        Unavailable: there is no Git, no repository, no such revision, or a damaged lock file; `help` says how to go on.
    """
    git = Git.around(folder)
    commit = git.commit(revision)
    tree = git.tree(commit, folder)
    found: dict[str, Snapshot] = {}
    try:
        locks = {os.path.dirname(path): path for path in tree.files if os.path.basename(path) == LOCK_NAME}
        for directory in sorted(locks, key=lambda name: name.split("/")):
            if _inside_another(directory, found):
                continue
            path = locks[directory]
            lock = _lock(tree.read(path), f"{os.path.join(str(folder), path)} at {revision}")
            found[directory] = Snapshot(directory, lock, _git_reader(tree, directory))
    except BaseException:
        tree.close()
        raise
    return Tree(f"{revision} ({commit[:12]})", found, commit, tree.close)


def edited(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the files that are missing or are not what the lock file says. Reads every file, as compare() does not."""
    found = []
    for path, entry in sorted(snapshot.lock.entries.items()):
        try:
            if digest(snapshot.read(path)) != entry.sha256:
                found.append(path)
        except (LookupError, OSError):
            found.append(path)
    return tuple(found)


def edited_files(snapshots: Mapping[str, Snapshot]) -> list[str]:
    """Return what `edited` finds in all clusters, as paths below the output folder; many clusters side by side."""
    directories = sorted(snapshots)
    count = min(os.cpu_count() or 1, 1 + len(directories) // CLUSTERS_A_WORKER)

    def share(number: int) -> list[str]:
        return [f"{each}/{path}" for each in directories[number::count] for path in edited(snapshots[each])]

    return sorted(path for found in side_by_side(share, count) for path in found)


# ── lock files ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _lock(content: bytes, shown: str) -> Lock:
    way_out = "compile again (after a merge conflict: resolve the manifest, then compile)"
    try:
        lock = read_lock(content)
    except (ValueError, RecursionError) as problem:
        raise Unavailable(f"{shown} is damaged: {problem}", way_out) from None
    texts = [lock.name, lock.environment]
    for entry in lock.entries.values():
        texts += (entry.path, entry.sha256, entry.plugin, entry.format, entry.consumer, entry.owner, entry.mode)
        parts = entry.path.split("/") if isinstance(entry.path, str) else [""]
        unsafe = not all(parts) or {".", ".."} & {*parts} or "\0" in entry.path
        if unsafe or (parts[0] == "hosts" and len(parts) < 3):
            raise Unavailable(f"{shown} is damaged: {entry.path!r} is no path below the cluster's tree", way_out)
    if not all(isinstance(text, str) for text in texts) or not isinstance(lock.summary, dict):
        raise Unavailable(f"{shown} is damaged: a text is wanted where something else stands", way_out)
    return lock


def _inside_another(directory: str, found: Mapping[str, Snapshot]) -> bool:
    """Say whether a lock file is itself a file of a cluster further up. Folders are visited from above."""
    parts = [*directory.split("/"), LOCK_NAME] if directory else []
    for depth in range(len(parts) - 1):
        outer = found.get("/".join(parts[:depth]))
        if outer and (parts[depth] == "hosts" or "/".join(parts[depth:]) in outer.lock.entries):
            return True
    return False


# ── the disk ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lock_folders(root: str) -> Iterator[str]:
    """Yield the folders with a lock file, relative to `root`, but none below the `hosts` beside a lock file."""
    def fail(problem: OSError) -> None:
        if not isinstance(problem, FileNotFoundError | NotADirectoryError):
            raise Unavailable(f"{problem.filename} cannot be read: {problem.strerror}", "mend the folder's permissions")

    for folder, below, files in os.walk(root, onerror=fail):
        below[:] = sorted(name for name in below if name != ".git")
        if LOCK_NAME in files:
            yield os.path.relpath(folder, root).replace(os.sep, "/") if folder != root else ""
            below[:] = [name for name in below if name != "hosts"]


def _disk_reader(root: str) -> Callable[[str], bytes]:
    """Make a reader of regular files below `root`."""
    safe: set[str] = set()

    def read(path: str) -> bytes:
        whole = os.path.join(root, path)
        folder = os.path.dirname(whole)
        if folder not in safe:
            real = os.path.realpath(folder)
            if real != root and not real.startswith(root.rstrip(os.sep) + os.sep):
                raise LookupError("it lies outside the cluster's tree")
            safe.add(folder)
        descriptor = os.open(whole, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise LookupError("it is no regular file")
            if status.st_size > MAX_BYTES:
                raise LookupError(f"it has more than {MAX_BYTES} bytes")
            with open(descriptor, "rb", closefd=False) as stream:
                return stream.read()
        finally:
            os.close(descriptor)

    return read


def _git_reader(tree: GitTree, directory: str) -> Callable[[str], bytes]:
    prefix = directory + "/" if directory else ""
    return lambda path: tree.read(prefix + path)
