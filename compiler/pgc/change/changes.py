"""What is compared (a Snapshot) and what comes of it (Changes). Both are plain frozen values."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

from pgc.artifact import Lock


class Kind(enum.StrEnum):
    """How something differs. `moved` is an item of an ordered list that changed places: old and new count from 1."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


class Scope(enum.StrEnum):
    """What it is that differs, greatest first; Changes are sorted by it."""

    CLUSTER = "cluster"  # a whole cluster or environment; `count` is its number of files
    HOST = "host"  # a whole host; `count` is its number of files
    SUMMARY = "summary"  # what the lock file says of the cluster: a bound, a settled value, a version, a host's roles
    FILE = "file"  # a whole file, or a file of which nobody knows what changed in it (see `unknown`)
    ATTRIBUTE = "attribute"  # a file's owner, mode, format, plugin or consumer
    SETTING = "setting"  # one thing that a file says
    LAYOUT = "layout"  # bytes that say nothing to the format's reader: comments, blanks, order of keys
    PAGE = "page"  # a file of prose: a runbook, a page of documentation


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two states of a cluster, on all hosts where it is the same.

    `location` is the path on the host, or below the cluster's tree; `hosts` is empty for a file that belongs to no
    host. Lines count from 1 in the file of the first of `hosts`, 0 where there is none. `unknown` says why nobody can
    tell what the change means, and is empty where somebody can. `lines` are the numbers of lines that came and went,
    for scopes file (unknown) and layout.
    """

    cluster: str
    environment: str
    scope: Scope
    kind: Kind
    location: str = ""
    plugin: str = ""
    format: str = ""
    consumer: str = ""
    setting: str = ""
    old: str = ""
    new: str = ""
    old_line: int = 0
    new_line: int = 0
    hosts: tuple[str, ...] = ()
    count: int = 0
    unknown: str = ""
    lines: tuple[int, int] = (0, 0)

    @property
    def directory(self) -> str:
        """The cluster's tree below the output folder: `orders` or `orders/production`."""
        return f"{self.cluster}/{self.environment}" if self.environment else self.cluster

    @property
    def path(self) -> str:
        """The file below the cluster's tree (the first host's, where many have it), or the empty string."""
        return f"hosts/{self.hosts[0]}{self.location}" if self.hosts and self.location else self.location


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One cluster's tree as its lock file describes it.

    `read` gives the bytes of a path that the lock file names; LookupError or OSError: there is no such file.
    """

    directory: str
    lock: Lock
    read: Callable[[str], bytes]


Why = Callable[[Change], str | None]
"""Says where in the manifest a change comes from ("orders.yaml:14 objectives.failover"), or the reason; None where it cannot."""


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key by which pg2 stands before pg10."""
    parts = re.split("([0-9]+)", text)
    return tuple((len(part.lstrip("0")), part) if index % 2 else (0, part) for index, part in enumerate(parts))
