"""How a tree on disk compares with a bundle: byte for byte, and with what the old lock file says of each file."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from pgc.artifact import LOCK_NAME, Bundle, Entry, digest, read_lock
from pgc.diagnostics import Finding
from pgc.tree.faults import (
    DAMAGED_LOCK,
    EDITED,
    EDITED_GONE,
    FOREIGN,
    LINK,
    NOT_A_FILE,
    OTHER_LOCK,
    fault,
    path_problem,
)
from pgc.tree.ground import ABSENT, DIRECTORY, FILE, SYMLINK, Ground


@dataclass(slots=True)
class Survey:
    """Each path of the bundle and of the old lock file, in one of these; values are the SHA-256 of what is on disk.

    `stale`: as pgc left it, other content is wanted. `edited`: neither what pgc left nor what is wanted. `foreign`:
    never pgc's. `gone`: not wanted any more, as pgc left it; `kept`: edited besides. `blocked`: what stands where.
    """

    fresh: bool = False
    same: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    stale: dict[str, str] = field(default_factory=dict)
    edited: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    blocked: dict[str, tuple[str, str]] = field(default_factory=dict)
    lock: Finding | None = None

    def findings(self, root: str, directory: str, force: bool) -> tuple[Finding, ...]:
        """Say what stands against writing, and what is left alone."""
        if self.lock:
            return (self.lock,)
        found = [_blocked(root, f"{directory}/{path}", *self.blocked[path]) for path in sorted(self.blocked)]
        if not force:
            for code, paths in ((FOREIGN, self.foreign), (EDITED, self.edited), (EDITED_GONE, self.kept)):
                found += [fault(code, f"{root}/{directory}/{path}") for path in sorted(paths)]
        return tuple(dict.fromkeys(found))


def survey(root: str, bundle: Bundle, *, force: bool) -> Survey:
    """Compare. A bundle without a folder is `fresh`; one whose lock file cannot be read is not looked at further."""
    found, ground, base = Survey(), Ground(root), bundle.directory + "/"
    new = contents(bundle)
    where = ground.of(bundle.directory)
    if where[0] is ABSENT:
        found.fresh, found.absent = True, list(new)
        return found
    if where[0] is not DIRECTORY:
        found.blocked[LOCK_NAME] = where
        return found
    where = ground.of(base + LOCK_NAME)
    if where[0] not in (FILE, ABSENT):
        found.blocked[LOCK_NAME] = where
        return found
    old, found.lock = _old_lock(ground, root, bundle, force)
    if found.lock:
        return found
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
        elif _free(content, ground, leaving):
            found.absent.append(path)
        else:
            found.blocked[path] = content
    return found


def contents(bundle: Bundle) -> dict[str, bytes]:
    """All that is to be on disk, by path below the bundle's directory, the lock file last."""
    return {**{file.entry.path: file.content for file in bundle.files.values()}, LOCK_NAME: bundle.lock}


def _free(found: tuple[str, str], ground: Ground, leaving: Collection[str]) -> bool:
    """Tell whether a file can be laid here once the leaving files have left: they may be, or fill, what is there."""
    kind, where = found
    return kind is ABSENT or where in leaving or (kind is DIRECTORY and _emptied(where, ground, leaving))


def _emptied(directory: str, ground: Ground, leaving: Collection[str]) -> bool:
    within = [f"{directory}/{name}" for name in os.listdir(f"{ground.root}/{directory}")]
    return bool(within) and all(
        path in leaving or (ground.of(path)[0] is DIRECTORY and _emptied(path, ground, leaving)) for path in within
    )


def _blocked(root: str, path: str, kind: str, where: str) -> Finding:
    wanted = "a file" if where == path else "a folder"
    return fault(LINK if kind is SYMLINK else NOT_A_FILE, f"{root}/{where}", kind=kind, wanted=wanted)


def _old_lock(ground: Ground, root: str, bundle: Bundle, force: bool) -> tuple[Mapping[str, Entry], Finding | None]:
    """Read what the last write left behind. With `force` a damaged file counts as none, another cluster's as ours."""
    name = f"{bundle.directory}/{LOCK_NAME}"
    content = ground.read(name)
    if not isinstance(content, bytes):
        return {}, None
    try:
        lock = read_lock(content)
        problem = next(_unbelievable(lock.entries), "")
        line = 1
    except json.JSONDecodeError as error:
        merging = b"\n<<<<<<< " in b"\n" + content
        problem, line = ("a merge conflict is in it" if merging else error.msg), error.lineno
    except (ValueError, RecursionError) as error:
        problem, line = str(error), 1
    if problem:
        return {}, None if force else fault(DAMAGED_LOCK, f"{root}/{name}", line, problem=problem)
    if (lock.name, lock.environment) != (bundle.name, bundle.environment) and not force:
        theirs, ours = (f"{each.name} {each.environment}".rstrip() for each in (lock, bundle))
        return {}, fault(OTHER_LOCK, f"{root}/{name}", theirs=theirs, ours=ours)
    return lock.entries, None


def _unbelievable(entries: Mapping[str, Entry]) -> Iterator[str]:
    """Name entries that no pgc wrote: what a lock file lists may be removed, so it must lie in its tree."""
    for path, entry in entries.items():
        if not isinstance(entry.sha256, str) or path_problem(path):
            yield f"the entry '{path}' is none that pgc writes"
