"""A procedure without a way back, or without a single step, is no procedure."""

from __future__ import annotations

from collections.abc import Iterator

from pgc.cluster import Cluster
from pgc.diagnostics import Code, Finding, Path, Severity
from pgc.facts import Runbook

RUN001 = Code(
    "RUN001",
    "procedure-without-undo",
    Severity.ERROR,
    what="the chapter «{chapter}» of the procedure {procedure} says neither how to undo it nor why that cannot be",
    why="somebody would follow it at night, see that it was wrong, and be left alone",
    help="give the chapter `undo` actions, or the procedure `undo_none` with the reason; the plugin {plugin} contributes it",
    example="(a plugin that contributes a Chapter without undo)",
)
CODES = (RUN001,)


def check(cluster: Cluster) -> Iterator[Finding]:
    """Yield every chapter that leaves the reader without a way back."""
    for runbook in cluster.facts.all(Runbook):
        for chapter in runbook.chapters:
            if not chapter.undo and not runbook.undo_none:
                yield RUN001.at(
                    Path(("runbooks",)), chapter=chapter.title, procedure=runbook.slug, plugin=runbook.origin.plugin
                )
