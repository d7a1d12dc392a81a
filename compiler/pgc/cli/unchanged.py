"""The path that finds nothing changed: `pgc compile` again, with the same inputs, tools and outputs.

After a compilation that wrote everything it had to, a record is kept in the cache folder: every input (manifests, the folders
they were found in, the files they name, the sources of pgc and its plugins, the folders that plugins are installed in) and every
output, each with size and time of modification. While all of them are as they were, the same command has the same answer.
Only the standard library is loaded here.

A file written so shortly before the record was made that a later write could bear the same time is compared by content
instead. The cache can be deleted at any time; a damaged record is no record.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import time
import zlib
from collections.abc import Iterable
from typing import Any

VERSION = 3
GRANULARITY_NS = 20_000_000  # a kernel's clock for file times may stand still this long
MANY_FILES = 20_000

Stamp = tuple[int, int, int, int, str]


def answer(arguments: list[str]) -> str | None:
    """Return what the same command printed last time if nothing has changed since, else None."""
    if not arguments or arguments[0] != "compile" or "--check" in arguments or "--force" in arguments:
        return None
    try:
        with open(_file(arguments), "rb") as stream:
            whole = memoryview(stream.read())
        if _checksum(whole[4:]) != whole[:4]:
            return None
        version, key, folders, files, text = marshal.loads(whole[4:])
    except (OSError, ValueError, EOFError, TypeError):
        return None
    if version != VERSION or key != _key(arguments):
        return None
    return text if _same_folders(folders) and _same_files(files) else None


def remember(
    arguments: list[str],
    folders: Iterable[str],
    inputs: Iterable[str],
    outputs: Iterable[str],
    text: str,
    began_ns: int,
) -> None:
    """Keep a record of a compilation that ended well and began at `began_ns`. An input that was changed since gives no record."""
    stamps: dict[str, Stamp] = {}
    try:
        for file in inputs:
            state = os.lstat(file)
            if state.st_mtime_ns >= began_ns - GRANULARITY_NS:
                return
            stamps[file] = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, "")
        recent = time.time_ns() - GRANULARITY_NS
        for file in outputs:
            state = os.lstat(file)
            stamps[file] = (
                state.st_size,
                state.st_mtime_ns,
                state.st_ctime_ns,
                state.st_ino,
                _digest(file) if state.st_mtime_ns >= recent else "",
            )
        seen = {folder: os.stat(folder).st_mtime_ns for folder in folders if os.path.isdir(folder)}
        target = _file(arguments)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        aside = f"{target}.{os.getpid()}"
        with open(aside, "wb") as stream:
            record: Any = (VERSION, _key(arguments), seen, stamps, text)
            whole = marshal.dumps(record)
            stream.write(_checksum(whole) + whole)
        os.replace(aside, target)
    except OSError:
        return  # a cache that cannot be written only costs time


def folder() -> str:
    """Return the cache folder, which holds nothing that cannot be made again."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # the base directory specification says so, and a checkout must not bring a cache along
        home = os.path.expanduser("~")
        base = os.path.join(home, ".cache") if os.path.isabs(home) else f"/tmp/pgc-cache-{os.getuid()}"
    return os.path.join(base, "pgc")


def is_ours(path: str) -> bool:
    """Say whether a folder or file of the cache belongs to this user, and nobody else may write it."""
    try:
        state = os.lstat(path)
    except OSError:
        return False
    return state.st_uid == os.getuid() and not state.st_mode & 0o022


def _file(arguments: list[str]) -> str:
    name = hashlib.sha256(repr((os.getcwd(), arguments)).encode()).hexdigest()[:32]
    return os.path.join(folder(), "unchanged", name)


def _checksum(record: bytes | memoryview) -> bytes:
    return zlib.crc32(record).to_bytes(4, "big")


def _key(arguments: list[str]) -> tuple[object, ...]:
    tty = sys.stdout.isatty()
    return (
        sys.version,
        sys.prefix,
        tuple(sys.path[1:]),
        os.getcwd(),
        tuple(arguments),
        tty,
        os.environ.get("NO_COLOR", ""),
    )


def _same_folders(folders: dict[str, int]) -> bool:
    try:
        return all(os.stat(name).st_mtime_ns == time for name, time in folders.items())
    except OSError:
        return False


def _same_files(files: dict[str, Stamp]) -> bool:
    """Look at every file; where there are many, a second process looks at every other one."""
    rows = list(files.items())
    if len(rows) < MANY_FILES:
        return _all_same(rows)
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if _all_same(rows[1::2]) else 1
        finally:
            os._exit(code)
    same = _all_same(rows[::2])
    return os.waitpid(child, 0)[1] == 0 and same


def _all_same(rows: list[tuple[str, Stamp]]) -> bool:
    stat = os.lstat
    try:
        for name, (size, written, changed, number, sha256) in rows:
            state = stat(name)
            if (
                state.st_ctime_ns != changed
                or state.st_mtime_ns != written
                or state.st_size != size
                or state.st_ino != number
                or (sha256 and _digest(name) != sha256)
            ):
                return False
    except (OSError, ValueError):
        return False
    return True


def _digest(file: str) -> str:
    with open(file, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()
