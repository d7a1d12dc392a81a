"""Bundles on disk: `<out>/<bundle.directory>/<entry.path>`, and the lock file beside them. Only what differs is written.

Invariant: after a call, or after a call that was killed and the next `recover`, the trees of *all* its bundles are the old
ones or the new ones, save those that a finding names as refused: they are the old ones. What pgc did not write (the old lock
does not list it, or its bytes are not what the lock says) is never overwritten, removed or followed unless `force` is given,
and folders and links in the way not even then.

One process calls `write`. Many do this; workers share nothing but the lock, which the parent holds:

    with hold(out) as recovered:
        parts = …  # forked workers, each for its own bundles: stage(out, bundles, force=force), pickled back
        written = commit(out, parts)
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pgc.artifact import LOCK_NAME, Bundle, Entry, digest, read_lock
from pgc.diagnostics import Finding, Severity
from pgc.ground import ABSENT, DIRECTORY, FILE, SYMLINK, Ground
from pgc.hold import WAIT_S, hold, recover
from pgc.journal import Step, Watcher, carry_out, unwatched
from pgc.staging import Shelf
from pgc.treefaults import (
    CODES, DAMAGED_LOCK, EDITED, EDITED_GONE, FOREIGN, LINK, NOT_A_FILE, OTHER_LOCK, OVERLAP, WriteFailed, failure,
    fault, path_faults, path_problem,
)  # fmt: skip

__all__ = [
    "CODES", "Staged", "Tree", "WriteFailed", "Written", "check", "commit", "hold", "recover", "stage", "write",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tree:
    """What became of one bundle. Paths are below its directory and sorted, the lock file's among them."""

    directory: str
    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether it was left as it was, for a reason that a finding gives."""
        return any(finding.code.severity is Severity.ERROR for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of all bundles of a call. `findings` concern the output folder as a whole."""

    trees: tuple[Tree, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Staged:
    """New files that wait below the state folder, and the steps that lay them, per tree. Goes between processes."""

    trees: tuple[tuple[Tree, tuple[Step, ...]], ...]


@dataclass(slots=True)
class _Survey:
    """How the disk compares with a bundle, path by path; where a mapping, with the SHA-256 of what is on disk."""

    fresh: bool = False
    same: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    stale: dict[str, str] = field(default_factory=dict)
    edited: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, tuple[str, str]] = field(default_factory=dict)
    lock: tuple[Finding, ...] = ()


def write(
    out: os.PathLike[str], bundles: Sequence[Bundle], *, force: bool, wait_s: float = WAIT_S, watch: Watcher = unwatched
) -> Written:
    """Recover the output folder, then bring it to the bundles.

    Raises:
        WriteFailed: another writer, or the disk refuses; the trees are the old ones.
    """
    with hold(out, wait_s=wait_s, watch=watch) as recovered:
        written = commit(out, [stage(out, bundles, force=force, watch=watch)], watch=watch)
    return replace(written, findings=recovered + written.findings)


def stage(out: os.PathLike[str], bundles: Sequence[Bundle], *, force: bool, watch: Watcher = unwatched) -> Staged:
    """Compare bundles with the disk, and put what is new beside the trees. The caller, or its parent, holds the lock.

    Raises:
        WriteFailed: the disk refuses.
    """
    root = os.fspath(out)
    shelf = Shelf(root, watch)
    try:
        return Staged(tuple(_stage(root, bundle, force, shelf) for bundle in bundles))
    except OSError as problem:
        raise failure(problem, root) from problem


def commit(out: os.PathLike[str], parts: Iterable[Staged], *, watch: Watcher = unwatched) -> Written:
    """Lay all that was staged, as one change. The caller holds the lock.

    Raises:
        WriteFailed: the disk refuses; the trees are the old ones.
    """
    root = os.fspath(out)
    trees: list[Tree] = []
    steps: list[Step] = []
    places: dict[str, str] = {}
    for tree, its_steps in (each for part in parts for each in part.trees):
        other = _overlap(tree.directory, places)
        if other:
            its_steps, finding = (), fault(OVERLAP, f"{root}/{tree.directory}", other=f"{root}/{other}")
            tree = Tree(tree.directory, findings=(*tree.findings, finding))
        trees.append(tree)
        steps += its_steps
    return Written(tuple(trees), carry_out(root, steps, watch) if steps else ())


def check(out: os.PathLike[str], bundle: Bundle) -> list[str]:
    """Say in what the disk differs from a bundle, a line a path, sorted: `orders/pgc.lock: stale`. Only reads.

    Raises:
        WriteFailed: the disk cannot be read.
    """
    root = os.fspath(out)
    refused = path_faults(root, bundle)
    if refused:
        return sorted({f"{dict(each.values)['path']}: {each.code.name}" for each in refused})
    try:
        found = _survey(root, bundle, False)
    except OSError as problem:
        raise failure(problem, root) from problem
    words = {path: "missing" for path in found.absent}
    words |= dict.fromkeys(found.stale, "stale") | dict.fromkeys(found.edited, "edited")
    words |= dict.fromkeys(found.foreign, "not written by pgc") | dict.fromkeys(found.gone, "no longer generated")
    words |= {path: f"a {kind} is in the way" for path, (kind, _) in found.blocked.items()}
    if found.lock and LOCK_NAME not in found.blocked:
        words[LOCK_NAME] = found.lock[0].code.name
    return [f"{bundle.directory}/{path}: {words[path]}" for path in sorted(words)]


def _overlap(directory: str, places: dict[str, str]) -> str:
    """Return the earlier tree that lies above, below or at the same place, or note this one."""
    folded = directory.casefold()
    for place, other in places.items() if "/" not in folded else ():
        if place.startswith(folded + "/"):
            return other
    other = places.get(folded) or places.get(folded.partition("/")[0], "")
    if not other:
        places[folded] = directory
    return other


def _stage(root: str, bundle: Bundle, force: bool, shelf: Shelf) -> tuple[Tree, tuple[Step, ...]]:
    """Compare one bundle with the disk and stage what differs, or refuse it as a whole."""
    refused = path_faults(root, bundle)
    if refused:
        return Tree(bundle.directory, findings=refused), ()
    found = _survey(root, bundle, force)
    findings = tuple(_findings(root, bundle, found, force))
    tree = Tree(bundle.directory, findings=findings)
    if tree.refused:
        return tree, ()
    new = {file.entry.path: file.content for file in bundle.files.values()}
    new[LOCK_NAME] = bundle.lock
    created = tuple(sorted(found.absent))
    if found.fresh:
        return replace(tree, created=created), shelf.plant(bundle.directory, new)
    changed = found.stale | (found.edited | found.foreign if force else {})
    removed = found.gone | (found.kept if force else {})
    steps = shelf.replace(bundle.directory, {path: new[path] for path in sorted({*created, *changed})}, changed, removed)
    lists = (tuple(sorted(each)) for each in (changed, removed, found.same))
    return Tree(bundle.directory, created, *lists, findings), steps


def _survey(root: str, bundle: Bundle, force: bool) -> _Survey:
    """Compare what is on disk, byte for byte, with the bundle and with what the old lock file says."""
    found, ground, base = _Survey(), Ground(root), bundle.directory + "/"
    new = {file.entry.path: file.content for file in bundle.files.values()}
    new[LOCK_NAME] = bundle.lock
    where = ground.of(bundle.directory)
    if where[0] is not DIRECTORY:
        found.fresh = where[0] is ABSENT
        found.absent = list(new) if found.fresh else []
        found.blocked = {} if found.fresh else {LOCK_NAME: where}
        return found
    old, found.lock = _old_lock(ground, root, bundle, force)
    for path in sorted(old.keys() - new.keys()):
        content = ground.read(base + path)
        if isinstance(content, bytes):
            held = digest(content)
            (found.gone if held == old[path].sha256 else found.kept)[path] = held
    leaving = {base + path for path in ({**found.gone, **found.kept} if force else found.gone)}
    for path, wanted in new.items():
        content = ground.read(base + path)
        if content == wanted:
            found.same.append(path)
        elif isinstance(content, bytes):
            held, entry = digest(content), old.get(path)
            ours = path == LOCK_NAME or (entry is not None and entry.sha256 == held)
            (found.stale if ours else found.edited if entry else found.foreign)[path] = held
        elif content[0] is ABSENT or content[1] in leaving or (content[0] is DIRECTORY and _emptied(content[1], ground, leaving)):
            found.absent.append(path)
        else:
            found.blocked[path] = content
    return found
