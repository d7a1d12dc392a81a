"""What can be wrong with the output folder: the codes, the exception that carries one, and which paths are refused."""

from __future__ import annotations

import errno
import re
import unicodedata

from pgc.artifact import LOCK_NAME, Bundle
from pgc.diagnostics import Code, Finding, Severity, Span


def _code(
    number: int, name: str, severity: Severity = Severity.ERROR, *, what: str, why: str, help: str, example: str
) -> Code:
    return Code(f"OUT{number:03}", name, severity, what=what, why=why, help=help, example=example)


FOREIGN = _code(
    1, "foreign-file-in-the-way",
    what="{path} is to be generated, but a file that pgc did not write is there",
    why="writing would destroy somebody's work, so nothing of this tree was written",
    help="move the file elsewhere, or overwrite it with --force; if only pgc.lock was lost, restore that from Git",
    example="generated/orders/docs/inventory.md was written by hand before the docs plugin made one",
)
EDITED = _code(
    2, "generated-file-edited",
    what="{path} was edited by hand since pgc wrote it",
    why="writing would lose the edit, so nothing of this tree was written",
    help="move the change into the manifest (what pgc does not know goes under raw:), or discard it with --force",
    example="a timeout was changed in generated/orders/hosts/db1/etc/…, not in the manifest",
)
EDITED_GONE = _code(
    3, "edited-file-no-longer-generated", Severity.WARNING,
    what="{path} is no longer generated, and was edited by hand",
    why="it is kept as a file of yours; pgc will not look at it again",
    help="delete it if nobody needs it, or remove it with --force while it is still reported",
    example="a host left the manifest, and one of its generated files holds an edit",
)
DAMAGED_LOCK = _code(
    4, "damaged-lock-file",
    what="the lock file cannot be read: {problem}",
    why="without it pgc cannot tell its own files from yours, so nothing of this tree was written",
    help="restore it with git checkout, or write the tree anew with --force (what is no longer generated then stays)",
    example="<<<<<<< HEAD   # a merge conflict left in generated/orders/pgc.lock",
)
OTHER_LOCK = _code(
    5, "lock-file-of-another-cluster",
    what="this folder belongs to {theirs}, and {ours} was to be written here",
    why="the files of one cluster would replace those of another, so nothing of this tree was written",
    help="give the cluster its own folder (git mv the old one), or take this folder over with --force",
    example="generated/orders was copied to generated/billing by hand",
)
NOT_A_FILE = _code(
    6, "not-a-file",
    what="{path} is in the way: it is a {kind}, where {wanted} is needed",
    why="pgc removes no folder and no special file that it did not make, so nothing of this tree was written",
    help="move it elsewhere and run again; --force does not remove it either",
    example="a folder generated/orders/pgc.lock/",
)
LINK = _code(
    7, "symbolic-link-in-the-way",
    what="{path} is a symbolic link",
    why="writing through it could change files outside the output folder, so nothing of this tree was written",
    help="remove the link and run again; if the output belongs elsewhere, name that folder with --out",
    example="generated/orders -> /etc",
)
UNSAFE_PATH = _code(
    8, "unsafe-path",
    what="a file was to be written to {path}, which {problem}",
    why="it would land outside its tree, or nowhere on some machine, so nothing of this tree was written",
    help="choose another name in the manifest; if no name in it has this form, report it to the plugin's author",
    example="raw files: {../../etc/passwd: …}",
)
COLLISION = _code(
    9, "paths-collide",
    what="{path} and {other} cannot both exist",
    why="they are one name where case does not count (macOS, Windows), or a file where the other needs a folder",
    help="rename one of the two in the manifest",
    example="hosts: {DB1: …, db1: …}",
)
OVERLAP = _code(
    10, "trees-overlap",
    what="the tree {path} lies in the same place as the tree {other}",
    why="one would overwrite or remove the other's files, so only the first of them was written",
    help="give the clusters different names, or give every one of them environments",
    example="two manifests with metadata: {name: orders}, only one of them with environments",
)
DISK_FULL = _code(
    11, "disk-full",
    what="no space is left for {path}",
    why="the tree is as it was before",
    help="free space (or inodes: df -i), or raise the quota, and run again",
    example="a full disk below generated/",
)
NOT_PERMITTED = _code(
    12, "not-permitted",
    what="{path} may not be read or written: {problem}",
    why="the tree is as it was before",
    help="make the output folder writable for you (who owns it? ls -ld), or choose another one with --out",
    example="generated/ was made by root in a container",
)
READ_ONLY = _code(
    13, "read-only-file-system",
    what="{path} is on a read-only file system",
    why="the tree is as it was before",
    help="remount it writable, or choose another folder with --out",
    example="the repository is mounted read-only in a CI job",
)
IO_FAILED = _code(
    14, "output-failed",
    what="{path} cannot be read or written: {problem}",
    why="the tree is as it was before, or the next pgc command brings it there",
    help="mend the cause, and run again",
    example="a network file system that went away",
)
BUSY = _code(
    15, "output-folder-busy",
    what="another pgc writes to {path}: {holder}",
    why="two writers at once would mix their trees; this one waited for {waited} s and wrote nothing",
    help="wait until it has ended, or end it, and run again",
    example="pgc compile runs twice at the same time",
)
RECOVERED = _code(
    16, "interrupted-write-recovered", Severity.NOTE,
    what="an earlier pgc was interrupted while it wrote to {path}; its write was {outcome}",
    why="the tree is whole again",
    help="nothing needs to be done; pgc compile --check says whether it is up to date",
    example="pgc compile was killed",
)
DAMAGED_JOURNAL = _code(
    17, "damaged-journal",
    what="an interrupted write cannot be finished: its journal is damaged ({problem})",
    why="some files may be of the newer tree, some of the older",
    help="restore the tree with git checkout, remove the folder {folder}, and compile again",
    example="a power cut while pgc compile was writing",
)
KEPT = _code(
    18, "changed-during-the-write", Severity.WARNING,
    what="{path} was changed by somebody while a write was under way or interrupted",
    why="it was left alone, so it is not what the lock file says",
    help="compile again: the file is then compared anew",
    example="a file was edited after pgc compile had been killed, before the next pgc command",
)
STALE = _code(
    19, "stale-output",
    what="the committed output of {cluster} is not what its manifest says: {differing} of {files} files differ, such as {path}",
    why="what is reviewed and applied would not be what the manifest asks for",
    help="run pgc compile, and commit what it writes together with the manifest",
    example="a manifest was edited and committed without its output; pgc compile --check in CI",
)

CODES = (
    FOREIGN, EDITED, EDITED_GONE, DAMAGED_LOCK, OTHER_LOCK, NOT_A_FILE, LINK, UNSAFE_PATH, COLLISION, OVERLAP,
    DISK_FULL, NOT_PERMITTED, READ_ONLY, IO_FAILED, BUSY, RECOVERED, DAMAGED_JOURNAL, KEPT, STALE,
)
OF_THE_MANIFEST = frozenset({UNSAFE_PATH.code, COLLISION.code, OVERLAP.code})
"""What another manifest would mend."""
OF_THE_WORLD = frozenset(
    each.code for each in (DISK_FULL, NOT_PERMITTED, READ_ONLY, IO_FAILED, BUSY, DAMAGED_JOURNAL)
)
"""What neither a manifest nor --force would mend."""


class WriteFailed(Exception):
    """The world refused (disk, permission, another writer); `finding` says where, why, and what to do."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding

    def __str__(self) -> str:
        return self.finding.code.what.format_map(dict(self.finding.values))


def fault(code: Code, file: str, line: int = 1, **values: object) -> Finding:
    """Make a finding about one file, named as the user would; `path` is that file unless given."""
    return code.at(Span(file, line, 1, line, 1), **{"path": file, **values})


def failure(problem: OSError, root: str) -> WriteFailed:
    """Turn what the operating system says into a finding; `root` stands in where it names no file."""
    file = problem.filename if isinstance(problem.filename, str) else root
    said = problem.strerror or str(problem)
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return WriteFailed(fault(DISK_FULL, file))
    if problem.errno == errno.EROFS:
        return WriteFailed(fault(READ_ONLY, file))
    if problem.errno in (errno.EACCES, errno.EPERM):
        return WriteFailed(fault(NOT_PERMITTED, file, problem=said))
    return WriteFailed(fault(IO_FAILED, file, problem=said))


_ORDINARY = re.compile(r"(?:[A-Za-z0-9_@+][A-Za-z0-9_@+.:-]{0,200}/)*[A-Za-z0-9_@+][A-Za-z0-9_@+.:-]{0,200}").fullmatch


def path_problem(path: str) -> str:
    """Say why a path may not be written below the output folder, or return the empty string."""
    if _ORDINARY(path):
        return ""
    if path.startswith("/"):
        return "is absolute"
    if "\0" in path:
        return "holds a NUL character"
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return f"has the part '{part}'"
        if part.lower() == ".git" or part.startswith(".pgc-"):
            return f"has the part '{part}', which Git or pgc keeps for itself"
        try:
            if len(part.encode()) > 255:
                return "has a part of more than 255 bytes"
        except UnicodeEncodeError:
            return "is not text (a lone surrogate)"
    return ""


def path_faults(root: str, bundle: Bundle) -> tuple[Finding, ...]:
    """Find what forbids to write a bundle's paths: places outside its tree, and names that some machine takes for one.

    A finding's place is the tree's folder where the path itself could not be shown as a place in it.
    """
    base, found = f"{root}/{bundle.directory}", []
    taken = {LOCK_NAME: (LOCK_NAME, "file")}
    if problem := path_problem(bundle.directory):
        return (fault(UNSAFE_PATH, root, path=bundle.directory, problem=problem),)
    paths = [file.entry.path for file in bundle.files.values()]
    above = {path.rpartition("/")[0] for path in paths}
    pending = list(above)
    while pending:
        higher = pending.pop().rpartition("/")[0]
        if higher not in above:
            above.add(higher)
            pending.append(higher)
    places = [(path, "folder") for path in sorted(above - {""})] + [(path, "file") for path in paths]
    for path, kind in places:
        if kind == "file" and (problem := path_problem(path)):
            found.append(fault(UNSAFE_PATH, base, path=path, problem=problem))
            continue
        place = (path, kind)
        other = taken.setdefault(_folded(path), place)
        if other is not place:
            found.append(fault(COLLISION, f"{base}/{path}", other=f"{base}/{other[0]}"))
    return tuple(found)


def _folded(path: str) -> str:
    """Return what a file system that ignores case, and how accents are composed, takes a name for."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFD", path).casefold()
