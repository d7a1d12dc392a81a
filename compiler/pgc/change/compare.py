"""Two Snapshots of a cluster become the Changes between them, by meaning: what the formats' readers understand.

Nothing here touches a disk: bytes come through Snapshot.read, only those of files whose hash differs, and each pair of
hashes once, however many hosts have it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pgc.artifact import LOCK_NAME, Entry, Format, Lock, Setting, digest
from pgc.change.alignment import line_counts, longest_rising
from pgc.change.changes import Change, Kind, Scope, Snapshot, natural
from pgc.change.summary import facts_of
from pgc.readers import Item
from pgc.workers import side_by_side

CLUSTERS_A_WORKER = 20

_ATTRIBUTES = ("plugin", "format", "consumer", "owner", "mode")
_ORDER = {scope: index for index, scope in enumerate(Scope)}


@dataclass(frozen=True, slots=True)
class _Delta:
    """A Change before it is known where: what two versions of one file's bytes differ in."""

    scope: Scope
    kind: Kind
    setting: str = ""
    old: str = ""
    new: str = ""
    old_line: int = 0
    new_line: int = 0
    count: int = 0
    unknown: str = ""
    lines: tuple[int, int] = (0, 0)


def compare_all(
    old: Mapping[str, Snapshot], new: Mapping[str, Snapshot], formats: Mapping[str, Format],
) -> tuple[Change, ...]:
    """Compare all clusters below two output folders, by directory; many of them side by side."""
    directories = sorted({*old, *new}, key=natural)
    count = min(os.cpu_count() or 1, 1 + len(directories) // CLUSTERS_A_WORKER)

    def share(number: int) -> list[tuple[Change, ...]]:
        return [compare(old.get(each), new.get(each), formats) for each in directories[number::count]]

    shares = [iter(each) for each in side_by_side(share, count)]
    return tuple(change for index in range(len(directories)) for change in next(shares[index % count]))


def compare(old: Snapshot | None, new: Snapshot | None, formats: Mapping[str, Format]) -> tuple[Change, ...]:
    """Return what differs between two states of one cluster; None is a cluster that is not there.

    Equal states give no Change. The order is fixed: by scope, file, line and name.
    """
    if old is None or new is None:
        whole = new or old
        return (_whole_cluster(whole.lock, Kind.ADDED if new else Kind.REMOVED),) if whole else ()
    fold = _Fold(new.lock.name, new.lock.environment)
    before, after = _hosts(old.lock), _hosts(new.lock)
    _renamed(old.lock, new.lock, fold)
    for kind, here, there in ((Kind.REMOVED, before, after), (Kind.ADDED, after, before)):
        for host in here.keys() - there.keys():
            fold.add(host, _NO_FILE, _Delta(Scope.HOST, kind, count=here[host]))
    for delta in _summary(old.lock, new.lock, before.keys() ^ after.keys()):
        fold.add("", replace(_NO_FILE, path=LOCK_NAME), delta)
    pairs = _Pairs(old, new, formats)
    for path in old.lock.entries.keys() | new.lock.entries.keys():
        was, now = old.lock.entries.get(path), new.lock.entries.get(path)
        if was != now:
            entry = now or was
            assert entry is not None  # the path is in one of the two
            host = entry.host
            if not host or (host in before and host in after):
                for delta in pairs.deltas(was, now):
                    fold.add(host, entry, delta)
    return fold.changes()


_NO_FILE = Entry("", "", "", "", "", "", "")


def _whole_cluster(lock: Lock, kind: Kind) -> Change:
    hosts = tuple(sorted(_hosts(lock), key=natural))
    return Change(lock.name, lock.environment, Scope.CLUSTER, kind, hosts=hosts, count=len(lock.entries))


def _hosts(lock: Lock) -> Counter[str]:
    """Count the files of each host."""
    hosts = Counter(entry.host for entry in lock.entries.values())
    del hosts[""]
    return hosts


def _renamed(old: Lock, new: Lock, fold: _Fold) -> None:
    """Say that a tree changed its cluster's name: the same folder, another lock file."""
    for what, was, now in (("name", old.name, new.name), ("environment", old.environment, new.environment)):
        if was != now:
            fold.add("", replace(_NO_FILE, path=LOCK_NAME), _Delta(Scope.SUMMARY, Kind.CHANGED, what, was, now))


def _summary(old: Lock, new: Lock, said: set[str]) -> Iterator[_Delta]:
    """Compare the lock files' summaries; hosts in `said` came or went as a whole."""
    was, now = (facts_of(lock.summary, said) for lock in (old, new))
    for name in {**was, **now}:
        if was.get(name) != now.get(name):
            yield _Delta(Scope.SUMMARY, _kind(name in was, name in now), name, was.get(name, ""), now.get(name, ""))


def _kind(was: bool, now: bool) -> Kind:
    return Kind.CHANGED if was and now else Kind.ADDED if now else Kind.REMOVED


class _Fold:
    """Gathers deltas, and folds those that are the same on many hosts into one Change."""

    def __init__(self, cluster: str, environment: str) -> None:
        self.cluster, self.environment = cluster, environment
        self.found: dict[tuple[object, ...], list[tuple[str, Entry, _Delta]]] = {}

    def add(self, host: str, entry: Entry, delta: _Delta) -> None:
        location = entry.path.partition("/")[2].partition("/")[2] if host else entry.path
        key = (
            location, entry.plugin, entry.format, entry.consumer, bool(host), delta.scope, delta.kind, delta.setting,
            delta.old, delta.new, delta.count, delta.unknown, delta.lines,
        )  # lines are left out: the same setting may stand one line lower on one of the hosts
        self.found.setdefault(key, []).append((host, entry, delta))

    def changes(self) -> tuple[Change, ...]:
        return tuple(sorted(map(self.change, self.found.values()), key=_order))

    def change(self, same: list[tuple[str, Entry, _Delta]]) -> Change:
        same.sort(key=lambda each: natural(each[0]))
        host, entry, delta = same[0]
        hosts = tuple(each[0] for each in same) if host else ()
        return Change(
            self.cluster, self.environment, delta.scope, delta.kind,
            entry.location, entry.plugin, entry.format, entry.consumer,
            delta.setting, delta.old, delta.new, delta.old_line, delta.new_line,
            hosts, delta.count, delta.unknown, delta.lines,
        )


def _order(change: Change) -> tuple[object, ...]:
    whole = change.scope if change.scope in (Scope.CLUSTER, Scope.HOST, Scope.SUMMARY) else Scope.FILE
    return (
        _ORDER[whole], change.plugin, change.location, _ORDER[change.scope], change.new_line or change.old_line,
        natural(change.setting), change.kind, tuple(map(natural, change.hosts)), change.old, change.new,
    )


class _Pairs:
    """Compares two versions of a file; a pair of hashes that was seen before is not read again."""

    def __init__(self, old: Snapshot, new: Snapshot, formats: Mapping[str, Format]) -> None:
        self.old, self.new, self.formats = old, new, formats
        self.known: dict[tuple[str, str, str, str], tuple[_Delta, ...]] = {}

    def deltas(self, was: Entry | None, now: Entry | None) -> Iterator[_Delta]:
        if was is None or now is None:
            entry = was or now
            assert entry is not None
            yield _Delta(Scope.PAGE if self.prose(entry) else Scope.FILE, _kind(was is not None, now is not None))
            return
        for name in _ATTRIBUTES:
            if getattr(was, name) != getattr(now, name):
                yield _Delta(Scope.ATTRIBUTE, Kind.CHANGED, name, getattr(was, name), getattr(now, name))
        if was.sha256 != now.sha256:
            if self.prose(was) and self.prose(now):
                yield _Delta(Scope.PAGE, Kind.CHANGED)
                return
            key = was.sha256, now.sha256, was.format, now.format
            if key not in self.known:
                self.known[key] = tuple(self.contents(was, now))
            yield from self.known[key]

    def prose(self, entry: Entry) -> bool:
        known = self.formats.get(entry.format)
        return known is not None and known.prose

    def contents(self, was: Entry, now: Entry) -> Iterator[_Delta]:
        try:
            before, after = self.old.read(was.path), self.new.read(now.path)
        except (LookupError, OSError) as problem:
            reason = _one_line(f"the lock file names it, but it cannot be read: {_said(problem)}")
            yield _Delta(Scope.FILE, Kind.CHANGED, unknown=reason)
            return
        try:
            self.unedited(was, before, "old")
            self.unedited(now, after, "new")
            said, says = self.settings(was, before), self.settings(now, after)
        except _Unknown as reason:
            yield _Delta(Scope.FILE, Kind.CHANGED, unknown=str(reason), lines=line_counts(before, after))
            return
        differences = tuple(_differences(said, says))
        if differences:
            yield from differences
        else:
            yield _Delta(Scope.LAYOUT, Kind.CHANGED, lines=line_counts(before, after))

    @staticmethod
    def unedited(entry: Entry, content: bytes, which: str) -> None:
        if digest(content) != entry.sha256:
            raise _Unknown(f"the {which} file is not what its lock file says: edited by hand, or an outdated lock file")

    def settings(self, entry: Entry, content: bytes) -> dict[str, Setting]:
        known = self.formats.get(entry.format)
        if known is None:
            raise _Unknown(f"no installed plugin knows the format {entry.format}")
        if known.reader is None:
            raise _Unknown(f"the format {entry.format} has no reader")
        found: dict[str, Setting] = {}
        try:
            for setting in known.reader(content):
                name, ordinal = setting.name, 2
                while setting.name in found:
                    setting = replace(setting, name=f"{name}#{ordinal}")
                    ordinal += 1
                found[setting.name] = setting
        except Exception as problem:  # a stranger's reader on damaged bytes must not end the comparison; it is said
            named = str(problem) if isinstance(problem, ValueError) else f"{type(problem).__name__}: {problem}"
            raise _Unknown(_one_line(f"not readable as {entry.format}: {named}")) from None
        return found


class _Unknown(Exception):
    """Why nobody can tell what changed in a file."""


def _said(problem: LookupError | OSError) -> str:
    if isinstance(problem, OSError):
        return problem.strerror or type(problem).__name__
    return str(problem.args[0]) if problem.args else type(problem).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _differences(said: Mapping[str, Setting], says: Mapping[str, Setting]) -> Iterator[_Delta]:
    for name, was in said.items():
        now = says.get(name)
        if now is None:
            yield _Delta(Scope.SETTING, Kind.REMOVED, name, was.value, "", was.line, 0)
        elif now.value != was.value:
            yield _Delta(Scope.SETTING, Kind.CHANGED, name, was.value, now.value, was.line, now.line)
    for name, now in says.items():
        if name not in said:
            yield _Delta(Scope.SETTING, Kind.ADDED, name, "", now.value, 0, now.line)
    yield from _moves(said, says)


def _moves(said: Mapping[str, Setting], says: Mapping[str, Setting]) -> Iterator[_Delta]:
    """Yield the fewest items whose moving explains the new order of each list; items that came or went move nobody."""
    before, after = _places(said), _places(says)
    for sequence, old_places in before.items():
        new_places = after.get(sequence, {})
        common = [name for name in old_places if name in new_places]
        order = [new_places[name] for name in common]
        if order == sorted(order):
            continue
        still = longest_rising(order)
        for name in common:
            if new_places[name] not in still:
                was, now = str(old_places[name]), str(new_places[name])
                yield _Delta(Scope.SETTING, Kind.MOVED, name, was, now, said[name].line, says[name].line)


def _places(settings: Mapping[str, Setting]) -> dict[str, dict[str, int]]:
    """Return, for each ordered list, the places of its items from 1, by name."""
    places: dict[str, dict[str, int]] = {}
    for setting in settings.values():
        if isinstance(setting, Item):
            inside = places.setdefault(setting.sequence, {})
            inside[setting.name] = len(inside) + 1
    return places
