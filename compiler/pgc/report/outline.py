"""Changes in the order and the groups in which a person reads them; text and Markdown are two ways to draw an Outline.

A verdict on what a change does to running processes has its place in Row, beside `why`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from pgc.change.changes import Change, Kind, Scope, Why, natural
from pgc.report.safe import counted, plain

NOT_JUDGED = "The effect of these changes on running processes is not judged by this version of pgc."
NOTHING = "Nothing changed."
EXAMPLES = 3
"""So many different values of one setting are shown; where there are more, one less, and how many were left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is shown as one: a change, or one setting that took another value on each of many hosts (`variants`)."""

    change: Change
    hosts: tuple[str, ...]
    why: str = ""
    variants: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one file on one group of hosts."""

    plugin: str
    location: str
    consumer: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """What happens on one group of hosts; no hosts: to the cluster as a whole."""

    hosts: tuple[str, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One cluster, or several in which the same happens."""

    clusters: tuple[str, ...]
    whole: tuple[Row, ...]
    summary: tuple[Row, ...]
    groups: tuple[Group, ...]
    pages: str


def outline(changes: Sequence[Change], why: Why | None = None) -> tuple[Section, ...]:
    """Group changes by cluster, hosts, plugin and file. Clusters in which the same happens are one section."""
    by_cluster: dict[str, list[Change]] = {}
    for change in changes:
        by_cluster.setdefault(change.directory, []).append(change)
    alike: dict[tuple[object, ...], list[list[Change]]] = {}
    for own in by_cluster.values():
        alike.setdefault(_signature(own), []).append(own)
    return tuple(
        _section(tuple(own[0].directory for own in same), [_merged(each) for each in zip(*same, strict=True)], why)
        for same in alike.values()
    )


def _signature(changes: list[Change]) -> tuple[object, ...]:
    """Return what two clusters in which the same happens have in common: all but their hosts' names and the lines."""
    numbers: dict[str, int] = {}
    for change in changes:
        for host in change.hosts:
            numbers.setdefault(host, len(numbers))
    return tuple(
        (
            change.scope, change.kind, change.location, change.plugin, change.format, change.consumer, change.setting,
            change.old, change.new, change.count, change.unknown, change.lines, tuple(map(numbers.get, change.hosts)),
        )
        for change in changes
    )


def _merged(same: Sequence[Change]) -> Change:
    """Take the same change of several clusters together; it keeps the name and the lines of the first."""
    if len(same) == 1:
        return same[0]
    return replace(same[0], hosts=tuple(dict.fromkeys(host for change in same for host in change.hosts)))


def _section(clusters: tuple[str, ...], changes: list[Change], why: Why | None) -> Section:
    rows = tuple(_rows(changes, why))
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.change.scope in (Scope.FILE, Scope.ATTRIBUTE, Scope.SETTING, Scope.LAYOUT):
            groups.setdefault(row.hosts, []).append(row)
    ordered = sorted(groups.items(), key=lambda each: (bool(each[0]), -len(each[0]), tuple(map(natural, each[0]))))
    return Section(
        clusters,
        tuple(row for row in rows if row.change.scope in (Scope.CLUSTER, Scope.HOST)),
        tuple(row for row in rows if row.change.scope is Scope.SUMMARY),
        tuple(Group(hosts, _parts(own)) for hosts, own in ordered),
        pages(changes),
    )


def _rows(changes: list[Change], why: Why | None) -> Iterator[Row]:
    """Make rows; a setting that took different values on different hosts is one row, at the place of the first."""
    same: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        key = (change.scope, change.kind, change.plugin, change.location, change.consumer, change.setting)
        same.setdefault(key if change.hosts and change.scope is Scope.SETTING else (change,), []).append(change)
    for variants in same.values():
        if len(variants) > 1:
            hosts = tuple(sorted({host for each in variants for host in each.hosts}, key=natural))
            yield Row(variants[0], hosts, _asked(variants[0], why), tuple(variants))
        else:
            yield Row(variants[0], variants[0].hosts, _asked(variants[0], why))


def _asked(change: Change, why: Why | None) -> str:
    return (why(change) or "") if why else ""


def _parts(rows: list[Row]) -> tuple[Part, ...]:
    def file(row: Row) -> tuple[str, str, str]:
        return row.change.plugin, row.change.location, row.change.consumer

    return tuple(Part(*key, tuple(own)) for key, own in groupby(sorted(rows, key=file), key=file))


# ── the lines that a reviewer needs first ────────────────────────────────────────────────────────────────────────────


def head(changes: Sequence[Change]) -> tuple[tuple[str, str], ...]:
    """Return three lines as (label, text): which clusters, what changed where, what is prose only."""
    prose = pages(changes) or "no pages"
    return ("clusters", _clusters(changes)), ("changes", _amounts(changes)), ("prose only", prose)


def _clusters(changes: Sequence[Change]) -> str:
    whole = {change.directory: change.kind for change in changes if change.scope is Scope.CLUSTER}
    touched = dict.fromkeys(change.directory for change in changes)
    said = []
    for label, kind in (("", None), ("new: ", Kind.ADDED), ("gone: ", Kind.REMOVED)):
        names = [name for name in touched if whole.get(name) is kind]
        if names:
            said.append(label + listed(names, 6))
    return "; ".join(said)


def _amounts(changes: Sequence[Change]) -> str:
    settings = [change for change in changes if change.scope in (Scope.SETTING, Scope.ATTRIBUTE)]
    distinct = {(each.directory, each.location, each.scope, each.setting, each.plugin): each for each in settings}
    said = []
    if distinct:
        said.append(f"{counted(len(distinct), 'setting')} in {_by_plugin(distinct.values())}")
    for scope, kind, one, rest in (
        (Scope.HOST, Kind.ADDED, "host", " added"),
        (Scope.HOST, Kind.REMOVED, "host", " removed"),
        (Scope.FILE, Kind.ADDED, "file", " added"),
        (Scope.FILE, Kind.REMOVED, "file", " removed"),
        (Scope.FILE, Kind.CHANGED, "file", " changed in an unknown way"),
        (Scope.LAYOUT, Kind.CHANGED, "file", " changed in comments or layout only"),
        (Scope.SUMMARY, None, "derived value", ""),
    ):
        if number := _count(changes, scope, kind):
            said.append(counted(number, one) + rest)
    placed = [change for change in changes if change.scope not in (Scope.PAGE, Scope.CLUSTER)]
    hosts = {(change.directory, host) for change in placed for host in change.hosts}
    names = sorted({host for _, host in hosts}, key=natural)
    if hosts:
        said.append(f"on {counted(len(hosts), 'host')}: {listed(names, 6)}")
    return "; ".join(said) or "none"


def _by_plugin(changes: Iterable[Change]) -> str:
    counts = Counter(change.plugin for change in changes)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{plain(name)} ({number})" for name, number in ordered)


def _count(changes: Iterable[Change], scope: Scope, kind: Kind | None) -> int:
    return sum(max(1, len(change.hosts)) for change in changes if change.scope is scope and kind in (None, change.kind))


def pages(changes: Iterable[Change]) -> str:
    """Fold prose: "5 pages changed (runbooks), 1 page added (docs)"; the empty string for none."""
    counts: dict[Kind, Counter[str]] = {}
    for change in changes:
        if change.scope is Scope.PAGE:
            counts.setdefault(change.kind, Counter())[change.plugin] += max(1, len(change.hosts))
    return ", ".join(
        f"{counted(own.total(), 'page')} {kind.value} ({', '.join(plain(name) for name in sorted(own))})"
        for kind, own in sorted(counts.items(), key=lambda each: list(Kind).index(each[0]))
    )


def listed(names: Sequence[str], limit: int = 4) -> str:
    """List names, the first few of many: "pg1, pg2, pg3 and 297 more"."""
    shown = ", ".join(plain(name) for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def examples(row: Row) -> tuple[Sequence[Change], str]:
    """Return the variants of a row that are shown, and what is said of those that are not."""
    rest = len(row.variants) - EXAMPLES
    return (row.variants, "") if rest <= 0 else (row.variants[: EXAMPLES - 1], f"and {rest + 1} more")


# ── the words of one row ─────────────────────────────────────────────────────────────────────────────────────────────


def mark(change: Change) -> str:
    """Return the sign in front of a row."""
    if change.unknown:
        return "?"
    if change.scope is Scope.LAYOUT:
        return "·"
    return {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~", Kind.MOVED: "↕"}[change.kind]


def subject(change: Change) -> str:
    """Say what differs, where it is not a setting with a name of its own."""
    match change.scope:
        case Scope.CLUSTER | Scope.HOST:
            return f"the whole {change.scope.value} ({counted(change.count, 'file')})"
        case Scope.FILE if change.unknown:
            return f"+{change.lines[0]} −{change.lines[1]} lines, meaning unknown: {change.unknown}"
        case Scope.FILE:
            return "the whole file"
        case Scope.LAYOUT:
            return f"+{change.lines[0]} −{change.lines[1]} lines of comments or layout only"
        case Scope.ATTRIBUTE:
            return f"the file's {change.setting}"
    return change.setting


def values(change: Change) -> tuple[str, str]:
    """Return old and new as they are to be shown; both empty where the subject already says them."""
    if change.kind is Kind.MOVED:
        return f"place {change.old}", f"place {change.new}"
    value = change.new or change.old
    names_itself = value and (change.setting == value or f"[{value}]" in change.setting)
    return ("", "") if names_itself and change.kind is not Kind.CHANGED else (change.old, change.new)
