"""Bundles on disk: `<out>/<bundle.directory>/<entry.path>`, and the lock file beside them. Only changes are written.

Invariant: after a call, or after a call that was killed and the next `recover`, the trees of *all* its bundles are the
new ones, or all are the old ones. (A tree that a finding refuses is the old one.) What pgc did not write, for the old
lock does not list it or its bytes are not what the lock says, is never overwritten or removed without `force`; folders
and symbolic links in the way not even then.

One process calls `write`. Many do this; workers share nothing but the lock, which the parent holds:

    with hold(out) as recovered:
        parts = …  # forked workers, each for its own bundles: stage(out, bundles, force=force), pickled back
        written = commit(out, parts)
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pgc.artifact import LOCK_NAME, Bundle
from pgc.diagnostics import Finding, Severity
from pgc.tree.faults import (
    CODES,
    OF_THE_MANIFEST,
    OF_THE_WORLD,
    OVERLAP,
    STALE,
    WriteFailed,
    failure,
    fault,
    path_faults,
)
from pgc.tree.hold import WAIT_S, hold, recover
from pgc.tree.journal import Step, Watcher, carry_out, unwatched
from pgc.tree.staging import Shelf
from pgc.tree.survey import contents, survey

__all__ = [
    "CODES", "OF_THE_MANIFEST", "OF_THE_WORLD", "STALE", "Staged", "Tree", "WriteFailed", "Written", "check", "commit",
    "hold", "recover", "stage", "write",
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
        found = survey(root, bundle, force=False)
    except OSError as problem:
        raise failure(problem, root) from problem
    words = dict.fromkeys(found.absent, "missing")
    words |= dict.fromkeys(found.stale, "stale") | dict.fromkeys(found.edited, "edited")
    words |= dict.fromkeys(found.foreign, "not written by pgc") | dict.fromkeys(found.gone, "no longer generated")
    words |= {path: f"a {kind} is in the way" for path, (kind, _) in found.blocked.items()}
    if found.lock:
        words[LOCK_NAME] = found.lock.code.name
    return [f"{bundle.directory}/{path}: {words[path]}" for path in sorted(words)]


def _overlap(directory: str, places: dict[str, str]) -> str:
    """Return the earlier tree that lies at, above or below the same place (letter case aside), or note this one."""
    place = directory.casefold()
    above = place.partition("/")[0]
    other = places.get(place) or places.get(above) or places.get(place + "/") or ""
    if not other:
        places[place] = directory
        if above != place:
            places[above + "/"] = directory
    return other


def _stage(root: str, bundle: Bundle, force: bool, shelf: Shelf) -> tuple[Tree, tuple[Step, ...]]:
    """Compare one bundle with the disk and stage what differs, or refuse it as a whole."""
    refused = path_faults(root, bundle)
    if refused:
        return Tree(bundle.directory, findings=refused), ()
    found = survey(root, bundle, force=force)
    tree = Tree(bundle.directory, findings=found.findings(root, bundle.directory, force))
    if tree.refused:
        return tree, ()
    new = contents(bundle)
    created = tuple(sorted(found.absent))
    if found.fresh:
        return replace(tree, created=created), shelf.plant(bundle.directory, new)
    changed = found.stale | (found.edited | found.foreign if force else {})
    removed = found.gone | (found.kept if force else {})
    wanted = {path: new[path] for path in sorted({*created, *changed})}
    steps = shelf.replace(bundle.directory, wanted, changed | removed)
    changes, removals, rest = (tuple(sorted(each)) for each in (changed, removed, found.same))
    return replace(tree, created=created, changed=changes, removed=removals, unchanged=rest), steps
