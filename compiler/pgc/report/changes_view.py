"""Changes as a person reads them in a terminal.

    clusters:   orders/production
    changes:    1 setting in lease (1); 1 derived value; on 3 hosts: pg1, pg2, pg3
    prose only: 5 pages changed (runbooks)

    orders/production
      derived
        ~ failover bound host-lost: 28.5 s → 26 s
      pg1, pg2, pg3
        lease  /etc/lease/lease.yml  (read by lease.service)
          ~ bootstrap.dcs.ttl: 30 → 25  line 14  [orders.yaml:14 objectives.failover]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pgc.change.changes import Change, Kind, Scope, Snapshot, Why
from pgc.change.snapshot import edited_files
from pgc.report.outline import (
    NOT_JUDGED,
    NOTHING,
    Part,
    Row,
    Section,
    examples,
    head,
    listed,
    mark,
    outline,
    subject,
    values,
)
from pgc.report.safe import Paint, fits, narrowed, plain

NAME, VALUE = 100, 60
_COLOUR = {"+": "green", "-": "red", "~": "yellow", "↕": "yellow", "?": "red", "·": "dim"}


def text(changes: Sequence[Change], *, why: Why | None = None, colour: bool = False) -> str:
    """Write changes out. `why` gives the place in the manifest that a change comes from."""
    if not changes:
        return NOTHING + "\n"
    paint = Paint(colour)
    lines = [f"{paint(f'{label}:', 'bold')}{' ' * (11 - len(label))}{said}" for label, said in head(changes)]
    for section in outline(changes, why):
        lines += ["", *_section(section, paint)]
    return "\n".join([*lines, "", NOT_JUDGED, ""])


def warnings(out: str, snapshots: Mapping[str, Snapshot]) -> str:
    """Say which files on disk are not what pgc wrote; reads them all."""
    return "".join(
        f"warning: {plain(f'{out}/{path}')} is not what pgc wrote; `pgc compile --check` says more\n"
        for path in edited_files(snapshots)
    )


def _section(section: Section, paint: Paint) -> Iterator[str]:
    number = len(section.clusters)
    yield paint(listed(section.clusters, 6), "bold") + (f"  ({number} clusters)" if number > 1 else "")
    for row in section.whole:
        hosts = f"{listed(row.hosts)}: " if row.change.scope is Scope.HOST else ""
        yield f"  {_line(row, paint, hosts)}"
    if section.summary:
        yield "  derived"
        for row in section.summary:
            yield f"    {_line(row, paint)}"
    for group in section.groups:
        yield "  " + paint(listed(group.hosts) or "for the whole cluster", "cyan")
        for part in group.parts:
            yield "    " + _title(part, paint)
            for row in part.rows:
                yield f"      {_line(row, paint)}"
    if section.pages:
        yield f"  prose: {section.pages}"


def _title(part: Part, paint: Paint) -> str:
    consumer = f"  (read by {plain(part.consumer)})" if part.consumer else ""
    return f"{paint(plain(part.plugin), 'bold')}  {fits(part.location, NAME)}{consumer}"


def _line(row: Row, paint: Paint, prefix: str = "") -> str:
    change = row.change
    sign = mark(change)
    said = f"{paint(sign, _COLOUR[sign])} {prefix}{fits(subject(change), 2 * NAME)}"
    if row.variants:
        said += f": by host: {_examples(row)}"
    elif shown := _values(change):
        said += f": {shown}"
    line = change.new_line or change.old_line
    if line and not row.variants:
        said += paint(f"  line {line}", "dim")
    return said + (paint(f"  [{fits(row.why, NAME)}]", "dim") if row.why else "")


def _examples(row: Row) -> str:
    shown, more = examples(row)
    said = [f"{listed(each.hosts)} {_values(each)}" for each in shown]
    return "; ".join([*said, more] if more else said)


def _values(change: Change) -> str:
    old, new = values(change)
    if change.kind in (Kind.CHANGED, Kind.MOVED):
        if not (old or new):
            return ""
        old, new = narrowed(old, new, VALUE)
        return f"{old or '(empty)'} → {new or '(empty)'}"
    return fits(new or old, 2 * VALUE)
