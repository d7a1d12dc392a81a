"""What the compiler makes: files with a purpose, and the lock file that lists them.

A plugin gives Artifacts, which say what is to be written (a Body). The core writes the body out, once for all files that share it,
and gets Files: bytes with their hash. A Bundle is all files of one cluster in one environment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from pgc.provenance import Origin

LOCK_NAME = "pgc.lock"
LOCK_VERSION = 1


class Unrepresentable(ValueError):
    """A value that a format cannot carry without changing its meaning; `value` is bare, `origin` says whose it is."""

    def __init__(self, problem: str, value: object, origin: Origin | None = None) -> None:
        super().__init__(problem)
        self.problem, self.value, self.origin = problem, value, origin


Lines = tuple[tuple[Origin, ...], ...]


class Body(Protocol):
    """A file's content before it is text. Bodies compare by identity: files that share one are written out once."""

    def text(self) -> str:
        """Write the content out. Raises Unrepresentable."""

    def traced(self) -> tuple[str, Lines]:
        """Write the content out with the origins of every line (index 0 is line 1)."""


@dataclass(frozen=True, slots=True, eq=False)
class Artifact:
    """One file that a plugin asks for.

    `path` is below the host's root for a host's file ("etc/systemd/system/x.service") and below the cluster's tree otherwise
    ("cluster/x/dynamic.yml", "runbooks/failover.md"). `consumer` is the unit that reads it; `mode` is octal digits as text.
    """

    path: str
    format: str
    body: Body
    host: str = ""
    consumer: str = ""
    owner: str = "root:root"
    mode: str = "0644"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the lock file says of one file; `path` is below the cluster's tree."""

    path: str
    sha256: str
    plugin: str
    format: str
    consumer: str
    owner: str
    mode: str

    @property
    def host(self) -> str:
        """The host it is laid on, or the empty string."""
        return self.path.split("/", 2)[1] if self.path.startswith("hosts/") else ""

    @property
    def location(self) -> str:
        """The path on the host, or the path below the cluster's tree."""
        return "/" + self.path.split("/", 2)[2] if self.path.startswith("hosts/") else self.path


@dataclass(frozen=True, slots=True)
class File:
    """A written-out file."""

    entry: Entry
    content: bytes


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """All files of one cluster in one environment, by path, and the summary that the lock file carries."""

    name: str
    environment: str
    files: Mapping[str, File]
    summary: Mapping[str, Any] = field(default_factory=dict)

    @property
    def directory(self) -> str:
        """Where it lives below the output folder: `orders` or `orders/production`."""
        return f"{self.name}/{self.environment}" if self.environment else self.name

    @cached_property
    def lock(self) -> bytes:
        """The lock file: a summary, then one line a file."""
        return dump_lock(self.name, self.environment, self.summary, (file.entry for file in self.files.values()))


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file, read back."""

    name: str
    environment: str
    summary: Mapping[str, Any]
    entries: Mapping[str, Entry]


def dump_lock(name: str, environment: str, summary: Mapping[str, Any], entries: Iterable[Entry]) -> bytes:
    """Write a lock file: JSON with one line a file, so that Git shows and merges it line by line."""
    head = json.dumps(
        {"lock_version": LOCK_VERSION, "cluster": name, "environment": environment, "summary": summary},
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
    )
    rows = []
    for entry in sorted(entries, key=lambda each: each.path):
        row = f"{entry.sha256}\x00{entry.plugin}\x00{entry.format}\x00{entry.consumer}\x00{entry.owner}\x00{entry.mode}"
        rows.append(f'  {_quote(entry.path)}: ["' + row.replace("\x00", '", "') + '"]')
    return (head[:-2] + ',\n "files": {\n' + ",\n".join(rows) + "\n }\n}\n").encode()


_quote = json.JSONEncoder(ensure_ascii=False).encode


def read_lock(content: bytes) -> Lock:
    """Read a lock file back. It may come with a pull request, so nothing in it is trusted.

    Raises:
        ValueError: it is not a lock file of this version, or names a path outside of its own folder.
    """
    try:
        data = json.loads(content)
    except RecursionError:
        raise ValueError("a damaged lock file: nested too deep") from None
    if not isinstance(data, dict) or data.get("lock_version") != LOCK_VERSION:
        raise ValueError(f"not a lock file of version {LOCK_VERSION}")
    name, environment, summary, files = (data.get(key) for key in ("cluster", "environment", "summary", "files"))
    if not (isinstance(name, str) and isinstance(environment, str) and isinstance(summary, dict) and isinstance(files, dict)):
        raise ValueError("a damaged lock file: cluster, environment, summary or files is missing")
    return Lock(name, environment, summary, {path: _entry(path, row) for path, row in files.items()})


def _entry(path: str, row: object) -> Entry:
    if not (isinstance(row, list) and len(row) == 6 and all(isinstance(cell, str) for cell in row)):
        raise ValueError(f"a damaged lock file: the line of {path!r}")
    parts = path.split("/")
    if not all(parts) or {".", ".."} & {*parts} or "\0" in path or (parts[0] == "hosts" and len(parts) < 3):
        raise ValueError(f"a damaged lock file: {path!r} is no path below the cluster's tree")
    return Entry(path, *row)


# ── formats and how they are read back ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a file says, as its reader understands it; `line` counts from 1."""

    name: str
    value: str
    line: int


class Reader(Protocol):
    """Turns a file's bytes into what it says. Names are unique in a file."""

    def __call__(self, content: bytes) -> Iterable[Setting]: ...


class SecretEncoder(Protocol):
    """Writes a secret's value the way a format wants it, quotes and all. Raises Unrepresentable."""

    def __call__(self, value: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: who reads it back, which JSON Schema it obeys, how a secret is written into it.

    `schema` names a file in the plugin's `schemas/` folder. A format without a reader changes as `unknown`.
    """

    name: str
    reader: Reader | None = None
    schema: str = ""
    encode_secret: SecretEncoder | None = None
    prose: bool = False
