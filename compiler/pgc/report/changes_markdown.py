"""Changes as a comment on a pull request, for GitHub and GitLab.

The comment begins with MARKER, by which a bot finds its own comment again; equal changes give equal bytes. It is cut,
at a row, before it is longer than what GitHub takes (65 536 characters), and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pgc.change.changes import Change, Kind, Scope, Why
from pgc.report.outline import (
    NOT_JUDGED,
    NOTHING,
    Group,
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
from pgc.report.safe import code, counted, narrowed

MARKER = "<!-- pgc diff -->"
LIMIT = 60_000
VALUE = 160
_OPEN, _CLOSE = "<details>", "</details>"


def markdown(changes: Sequence[Change], *, why: Why | None = None, limit: int = LIMIT) -> str:
    """Write changes as Markdown of at most about `limit` characters."""
    if not changes:
        return f"{MARKER}\n### pgc diff\n\n{NOTHING}\n"
    top = [MARKER, "### pgc diff", "", *(f"- **{label}:** {code(said, 400)}" for label, said in head(changes)), ""]
    lines = [line for section in outline(changes, why) for line in _section(section)]
    return "\n".join([*_cut(top, lines, limit - len(NOT_JUDGED) - 200), "", NOT_JUDGED, ""])


def _cut(top: list[str], lines: list[str], limit: int) -> list[str]:
    """Take whole lines as long as they fit; what is open then is closed."""
    kept, size = list(top), sum(len(line) + 1 for line in top)
    for index, line in enumerate(lines):
        size += len(line) + 1
        if size > limit:
            rows = sum(left.startswith("| `") for left in lines[index:])
            closing = [_CLOSE] * (kept.count(_OPEN) - kept.count(_CLOSE))
            said = f"**{counted(rows, 'row')} did not fit here.** Run `pgc diff` to read them all."
            return [*kept, "", *closing, "", said]
        kept.append(line)
    return kept


def _section(section: Section) -> Iterator[str]:
    yield f"#### {_names(section.clusters)}"
    yield ""
    rows = [(row, _names(row.hosts) if row.change.scope is Scope.HOST else "") for row in section.whole]
    rows += [(row, "") for row in section.summary]
    if rows:
        yield from _table(rows)
        yield ""
    for group in section.groups:
        yield from _group(group)
    if section.pages:
        yield f"Prose: {code(section.pages)}"
        yield ""


def _group(group: Group) -> Iterator[str]:
    number = sum(len(part.rows) for part in group.parts)
    plugins = ", ".join(code(name) for name in dict.fromkeys(part.plugin for part in group.parts))
    hosts = _names(group.hosts) or "for the whole cluster"
    yield _OPEN
    yield f"<summary>{hosts}: {counted(number, 'change')} in {plugins}</summary>"
    yield ""
    for part in group.parts:
        yield _title(part)
        yield ""
        yield from _table([(row, "") for row in part.rows])
        yield ""
    yield _CLOSE
    yield ""


def _title(part: Part) -> str:
    return f"{code(part.plugin)} {code(part.location)}" + (f", read by {code(part.consumer)}" if part.consumer else "")


def _table(rows: Sequence[tuple[Row, str]]) -> Iterator[str]:
    yield "| | what | before | after | line | from |"
    yield "|---|---|---|---|---|---|"
    for row, prefix in rows:
        before, after = _cells(row)
        line = row.change.new_line or row.change.old_line
        what = f"{prefix} {code(subject(row.change))}".lstrip()
        at = str(line) if line and not row.variants else ""
        cells = [f"`{mark(row.change)}`", what, before, after, at, code(row.why) if row.why else ""]
        yield "| " + " | ".join(cells) + " |"


def _cells(row: Row) -> tuple[str, str]:
    if row.variants:
        some, more = examples(row)
        shown = [(_names(each.hosts), *narrowed(*values(each), VALUE)) for each in some]
        rest = [more] if more else []
        before = "<br>".join([*(f"{hosts}: {code(old)}" for hosts, old, _ in shown), *rest])
        return before, "<br>".join([*(f"{hosts}: {code(new)}" for hosts, _, new in shown), *rest])
    old, new = values(row.change)
    if row.change.kind in (Kind.CHANGED, Kind.MOVED) and (old or new):
        old, new = narrowed(old, new, VALUE)
        return code(old or "(empty)"), code(new or "(empty)")
    return code(old, VALUE) if old else "", code(new, VALUE) if new else ""


def _names(names: Sequence[str]) -> str:
    return code(listed(names)) if names else ""
