"""One page a procedure, and the page that lists them."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.artifact import Artifact
from pgc.bodies import Plain
from pgc.cluster import Bound, Cluster
from pgc.facts import Action, Chapter, HealthCheck, Runbook
from pgc.fields import show_duration
from pgc.markdown import code, command, escaped, table
from pgc_runbooks.procedures import BY_SLUG


def render(cluster: Cluster) -> Iterator[Artifact]:
    """Give the pages of all procedures that have a chapter."""
    runbooks = [runbook for runbook in cluster.facts.all(Runbook) if runbook.chapters]
    head = _head(cluster)
    hosts = ", ".join(f"`{host.name}` {host.address} (zone {host.zone})" for host in cluster.site.hosts)
    for runbook in runbooks:
        lines = tuple(_page(runbook, head, hosts, _bounds(cluster, runbook)))
        yield Artifact(f"runbooks/{runbook.slug}.md", "markdown", Plain(lines))
    yield Artifact("runbooks/README.md", "markdown", Plain(tuple(_index(cluster, runbooks))))


def _title(cluster: Cluster) -> str:
    return f"{cluster.name}, {cluster.site.environment}" if cluster.site.environment else cluster.name


def _call(cluster: Cluster) -> list[str]:
    """Return whom to call and where the incident is talked about, as far as the manifest says."""
    contact = cluster.section.contact or cluster.site.metadata.owner
    return [f"on call: {escaped(contact)}"] * bool(contact) + [escaped(cluster.section.chat)] * bool(
        cluster.section.chat
    )


def _head(cluster: Cluster) -> str:
    who = ", ".join((f"Cluster **{escaped(_title(cluster))}**", *_call(cluster)))
    return f"{who}. Made by pgc; [all procedures](README.md), [inventory](../docs/README.md)."


def _page(runbook: Runbook, head: str, hosts: str, bounds: list[tuple[str, str, str]]) -> Iterator[str]:
    yield from (f"# {runbook.title}", "", head, "", runbook.summary, "")
    if runbook.symptoms:
        yield from ("**It looks like this:**", "")
        yield from (f"- {symptom}" for symptom in runbook.symptoms)
        yield ""
    if bounds:
        yield from ("**How long writes stop, at worst:**", "")
        yield from table(("fault", "at most", "made of"), bounds).split("\n")
        yield ""
    yield from (f"**Hosts:** {hosts}", "")
    for number, chapter in enumerate(runbook.chapters, 1):
        yield from _chapter(number, chapter, runbook.undo_none)


def _chapter(number: int, chapter: Chapter, undo_none: str) -> Iterator[str]:
    yield from (f"## {number}. {chapter.title}", "")
    yield from _actions(chapter.actions)
    if chapter.undo:
        yield from ("**Undo**", "")
        yield from _actions(chapter.undo)
    else:
        yield from (f"**Undo:** none. {undo_none}", "")


def _actions(actions: tuple[Action, ...]) -> Iterator[str]:
    for number, action in enumerate(actions, 1):
        indent = " " * (len(str(number)) + 2)
        yield f"{number}. {action.do}{f' — on **{action.on}**' if action.on else ''}"
        yield ""
        if action.command:
            yield from command(action.command, indent)
            yield ""
            if action.expect:
                yield from (f"{indent}Expected: {action.expect}", "")


def _index(cluster: Cluster, runbooks: list[Runbook]) -> Iterator[str]:
    yield from (f"# Procedures of {escaped(_title(cluster))}", "")
    call = ", ".join(_call(cluster))
    if call:
        yield from (f"{call[:1].upper()}{call[1:]}.", "")
    yield from ("Made by pgc from the manifest; [inventory](../docs/README.md).", "")
    rows = ((f"[{runbook.title}]({runbook.slug}.md)", "; ".join(runbook.symptoms)) for runbook in runbooks)
    yield from table(("procedure", "when"), rows).split("\n")
    checks = cluster.facts.all(HealthCheck)
    if checks:
        yield from ("", "## Is all well?", "")
        found = ((check.name, check.on, code(check.command), check.healthy) for check in checks)
        yield from table(("what", "on", "command", "when well"), found).split("\n")


def _bounds(cluster: Cluster, runbook: Runbook) -> list[tuple[str, str, str]]:
    """Return the bounds that belong to a procedure, as rows of a table."""
    procedure = BY_SLUG.get(runbook.slug)
    wanted = procedure.faults if procedure else ()
    by_fault = {bound.fault: bound for bound in cluster.bounds}
    return [_row(by_fault[fault]) for fault in wanted if fault in by_fault]


def _row(bound: Bound) -> tuple[str, str, str]:
    if bound.seconds is None:
        return bound.fault, "not bounded", bound.unbounded
    terms = (f"{show_duration(part.seconds)} {part.what}" for part in bound.stretches if part.counts)
    return bound.fault, show_duration(bound.seconds), " + ".join(terms)
